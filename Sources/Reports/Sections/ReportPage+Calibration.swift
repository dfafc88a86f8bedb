import JSONText
import Records

extension ReportPage {
    var calibration: (body: String, lead: String)? {
        // Runs on the same samples stand together.
        var groups: [(names: [String], calibration: JSONObject)] = []
        for run in runs {
            guard let calibration = run.calibration else { continue }
            if let place = groups.firstIndex(where: { $0.calibration == calibration }) {
                groups[place].names.append(HTML.name(run.name))
            } else {
                groups.append(([HTML.name(run.name)], calibration))
            }
        }
        let parts = groups.map { manifest(Words.list($0.names), $0.calibration) }
        guard !parts.isEmpty else { return nil }
        return (
            parts.joined(),
            "The texts that were used for calibration, by their digests. They should resemble production traffic. "
                + "The text itself is not in "
                + "the output."
        )
    }

    private func manifest(_ names: String, _ calibration: JSONObject) -> String {
        func number(_ object: JSONObject?, _ key: ReportKey) -> String {
            object?[key]?.integerValue.map(Figure.count) ?? "–"
        }
        func counted(_ key: ReportKey, _ noun: String) -> String {
            calibration[key]?.integerValue.map { Words.counted($0, noun) } ?? "– \(noun)s"
        }
        func digest(_ object: JSONObject?, _ key: ReportKey) -> String {
            "<code>\(HTML.name(String((object?[key]?.stringValue ?? "–").prefix(16))))</code>"
        }
        let rows = (calibration[.sources]?.arrayValue ?? []).prefix(100).map { source -> [String] in
            let object = source.objectValue
            return [
                HTML.name(object?[.file]?.stringValue ?? "–"), HTML.name(object?[.kind]?.stringValue ?? "–"),
                Figure.fixed(object?[.weight]?.doubleValue, 2), number(object, .documents),
                number(object, .documentsUsed), number(object, .duplicates), number(object, .skippedLines),
                number(object, .tokens), number(object, .samples), digest(object, .digest),
            ]
        }
        let head = [
            "text", "kind", "weight", "documents", "used", "duplicates", "lines left out", "tokens", "samples",
            "SHA-256",
        ]
        return "<h3>\(names)</h3><p class=\"small\">\(counted(.samples, "sample")) of "
            + "\(counted(.sequenceLength, "token")), seed \(number(calibration, .seed)), digest of all tokens "
            + "\(digest(calibration, .tokensDigest))</p>" + (rows.isEmpty ? "" : HTML.table(head, Array(rows)))
    }
}
