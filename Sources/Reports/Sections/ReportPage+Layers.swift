extension ReportPage {
    var layers: (body: String, lead: String)? {
        guard let body = perRun(Charts.heatMap) else { return nil }
        return (
            body,
            "The stronger the colour, the more of that matrix is gone (q, k, v, o: attention; gate, up, down: MLP). Where a "
                + "second field follows, it shows how far that matrix's output is from what it should be, relative to its size; "
                + "the bars below show the same for the whole layer."
        )
    }

    var search: (body: String, lead: String)? {
        guard let body = perRun(Charts.search) else { return nil }
        return (
            body,
            "Many ways to share out the removal over the layers were tried; each point is the best so far, before the last correction of "
                + "the weights."
        )
    }

    private func perRun(_ chart: (PublishedRun) -> Chart?) -> String? {
        let parts = runs.compactMap { run in chart(run).map { "<h3>\(HTML.name(run.name))</h3>\($0.svg)" } }
        return parts.isEmpty ? nil : parts.joined()
    }
}
