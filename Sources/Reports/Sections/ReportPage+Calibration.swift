import JSONText

extension ReportPage {
    var calibration: (body: String, lead: String)? {
        let parts = runs.compactMap { run in run.calibration.map { manifest(run, $0) } }
        guard !parts.isEmpty else { return nil }
        return (
            parts.joined(),
            "The texts that the pruning looked at, by their digests. They should be like what the model will be used for. The text itself "
                + "is not in the output."
        )
    }

    private func manifest(_ run: PublishedRun, _ calibration: JSONObject) -> String {
        func number(_ object: JSONObject?, _ key: String) -> String {
            object?[key]?.integerValue.map(Figure.count) ?? "–"
        }
        func digest(_ object: JSONObject?, _ key: String) -> String {
            "<code>\(HTML.name(String((object?[key]?.stringValue ?? "–").prefix(16))))</code>"
        }
        let rows = (calibration["sources"]?.arrayValue ?? []).prefix(100).map { source -> [String] in
            let object = source.objectValue
            return [
                HTML.name(object?["file"]?.stringValue ?? "–"), HTML.name(object?["kind"]?.stringValue ?? "–"),
                Figure.fixed(object?["weight"]?.doubleValue, 2), number(object, "documents"),
                number(object, "documents_used"), number(object, "duplicates"), number(object, "skipped_lines"),
                number(object, "tokens"), number(object, "samples"), digest(object, "sha256"),
            ]
        }
        let head = [
            "text", "kind", "weight", "documents", "used", "duplicates", "lines left out", "tokens", "samples",
            "SHA-256",
        ]
        return "<h3>\(HTML.name(run.name))</h3><p class=\"small\">\(number(calibration, "samples")) samples of "
            + "\(number(calibration, "sequence_length")) tokens, seed \(HTML.name(run.seed.map(String.init) ?? "–")), digest of all tokens "
            + "\(digest(calibration, "tokens_sha256"))</p>" + (rows.isEmpty ? "" : HTML.table(head, Array(rows)))
    }
}
