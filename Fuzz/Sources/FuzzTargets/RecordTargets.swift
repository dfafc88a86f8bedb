import Calibration
import Checkpoints
import Faults
import Watch

/// Records of users and of the watch.
nonisolated(unsafe) let recordTargets: [FuzzTarget] = [
    FuzzTarget("records", .jsonLines) { bytes, scratch in
        let path = scratch.write("records.jsonl", bytes)
        for purpose in [RecordReader.Purpose.document, .prompt] {
            let reader = RecordReader(purpose)
            var lines = try LineReader(ByteFile(path))
            while let line = try lines.next() {
                guard !line.isBlank else { continue }
                do throws(Fault) {
                    let record = try reader.record(line.bytes, line: line.number)
                    _ = try record.exchange { () throws(Fault) in .missing }
                } catch { FuzzTarget.check(error) }
            }
        }
    },
    FuzzTarget("gzip", .bytes) { bytes, scratch in
        var lines = try LineReader(ByteFile(scratch.write("text.gz", bytes)))
        while try lines.next() != nil {}
    },
    FuzzTarget("prompts", .jsonLines) { bytes, _ in _ = try PromptLog(parsing: bytes, file: "prompts.jsonl") },
    FuzzTarget("chat", .bytes) { bytes, _ in
        _ = ChatTemplate.recognise(String(decoding: bytes, as: UTF8.self), beginning: "<s>", end: "</s>")
    },
    FuzzTarget("tokens", .safetensors) { bytes, scratch in
        _ = try TokenFile(scratch.write("tokens.safetensors", bytes), vocabularySize: 258)
    },
    FuzzTarget("watch-reference", .safetensors) { bytes, scratch in
        let reference = try WatchReference(contentsOf: scratch.write("reference.safetensors", bytes))
        try reference.check(tokenizerDigest: "", vocabularySize: 258, model: "m", file: "reference.safetensors")
    },
    FuzzTarget("watch-history", .jsonLines) { bytes, scratch in
        let intervals = try WatchHistory.read(scratch.write("history.jsonl", bytes))
        let report = DriftReport(WatchHistory.current(intervals))
        _ = report.reasons
        if let last = intervals.last { _ = PrometheusText.of(last, report, timestamp: 1_800_000_000) }
    },
]
