extension ReportPage {
    var layers: (body: String, lead: String)? {
        guard let body = perRun(Charts.heatMap) else { return nil }
        return (
            body,
            "The stronger the color, the more of that matrix was removed (q, k, v, o: attention; gate, up, down: "
                + "MLP). If a "
                + "second field follows, it shows the relative error of that matrix's output; "
                + "the bars below show the same for the whole layer."
        )
    }

    var search: (body: String, lead: String)? {
        guard let body = perRun(Charts.search) else { return nil }
        return (
            body,
            "Many ways to distribute the removal over the layers were tried; each point is the best so far, before "
                + "the last correction of "
                + "the weights."
        )
    }

    private func perRun(_ chart: (PublishedRun) -> Chart?) -> String? {
        let parts = runs.compactMap { run in chart(run).map { "<h3>\(HTML.name(run.name))</h3>\($0.svg)" } }
        return parts.isEmpty ? nil : parts.joined()
    }
}
