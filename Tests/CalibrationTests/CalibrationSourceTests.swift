import Calibration
import Faults
import Testing

@Suite("Naming a calibration source")
struct CalibrationSourceTests {
    @Test("only a number after the last @ is a weight")
    func weights() throws {
        #expect(try CalibrationSource(parsing: "a.txt") == .file(path: "a.txt", kind: .text, weight: 1))
        #expect(try CalibrationSource(parsing: "a.JSONL@2.5") == .file(path: "a.JSONL", kind: .jsonLines, weight: 2.5))
        #expect(try CalibrationSource(parsing: "me@home.txt") == .file(path: "me@home.txt", kind: .text, weight: 1))
        #expect(try CalibrationSource(parsing: "me@1.txt@1e1") == .file(path: "me@1.txt", kind: .text, weight: 10))
        #expect(
            try CalibrationSource(parsing: "x@2/t.safetensors")
                == .file(path: "x@2/t.safetensors", kind: .tokens, weight: 1))
        for name in ["a.ndjson", "a.JSONLINES", "a.json", "a.jl"] {
            #expect(try CalibrationSource(parsing: name) == .file(path: name, kind: .jsonLines, weight: 1))
        }
        for name in ["corpus", "a.md", "wiki.train.raw", "a.txt@nan"] {
            #expect(try CalibrationSource(parsing: name) == .file(path: name, kind: .text, weight: 1))
        }
        #expect(try CalibrationSource(parsing: "self") == .selfSampled(weight: 1))
        #expect(try CalibrationSource(parsing: "self@0.5") == .selfSampled(weight: 0.5))
        let prompts = try CalibrationSource(parsing: "self:a/asked@home.jsonl@3")
        #expect(prompts == .selfAnswered(prompts: "a/asked@home.jsonl", weight: 3))
        #expect(prompts.path == "a/asked@home.jsonl" && prompts.weight == 3)
        #expect(try CalibrationSource(parsing: "self.txt").path == "self.txt")
    }

    @Test(
        "a weight that is not positive and a source without a file are bad usage",
        arguments: ["a.txt@0", "a.txt@-1", "@2", "", "self@1e400", "self@1e10", "self:", "self:@2"])
    func badWeights(text: String) {
        #expect(faultOf { () throws(Fault) in try CalibrationSource(parsing: text) }?.kind == .usage)
    }

    @Test(
        "files that are not read are refused with what to do",
        arguments: [
            ("a.tar.gz", "decompress it first"), ("a.safetensors.gz", "decompress it first"),
            ("a.txt.zst", "decompress it first"),
            ("a.db", "convert it to .jsonl, one object with a \"text\" field per line"),
            (
                "d/a b.parquet",
                "python3 -c 'import sys, pandas; pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], "
                    + "orient=\"records\", lines=True)' 'd/a b.parquet' 'd/a b.jsonl'"
            ),
            (
                "a.tsv",
                "python3 -c 'import sys, pandas; pandas.read_csv(sys.argv[1], sep=\"\\t\").to_json(sys.argv[2], "
                    + "orient=\"records\", lines=True)' a.tsv a.jsonl"
            ),
            ("self:a.pt", "store the tokens as .safetensors"),
            ("a.pt", "store the tokens as .safetensors"), ("a.pdf", "store its text as a file of its own"),
        ])
    func refusedKinds(text: String, advice: String) throws {
        let fault = try #require(faultOf { () throws(Fault) in try CalibrationSource(parsing: text) })
        #expect(fault.kind == .badData)
        #expect(fault.advice == advice)
    }

    @Test("prompts are records", arguments: ["self:prompts.txt", "self:prompts", "self:tokens.safetensors@2"])
    func promptsAreRecords(text: String) throws {
        let fault = try #require(faultOf { () throws(Fault) in try CalibrationSource(parsing: text) })
        #expect(fault.kind == .badData && fault.file?.hasPrefix("self:") == false)
    }
}
