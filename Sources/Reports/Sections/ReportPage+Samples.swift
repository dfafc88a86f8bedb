extension ReportPage {
    /// Of one run.
    private static let most = 8
    private static let longest = 700

    var samples: (body: String, lead: String)? {
        let parts = runs.flatMap { run in run.samples.prefix(ReportPage.most).map { sample(run, $0) } }
        guard !parts.isEmpty else { return nil }
        return (
            parts.joined(),
            "The same prompt, answered by the dense and by the pruned model. Marked: what the pruned model wrote "
                + "from the first difference on."
        )
    }

    private func sample(_ run: PublishedRun, _ sample: PublishedRun.Sample) -> String {
        // Compared as they are shown: what differs further on is not seen.
        let (dense, pruned) = (Array(sample.dense.unicodeScalars), Array(sample.pruned.unicodeScalars))
        let same = zip(dense, pruned).prefix { $0 == $1 }.count
        let kept = min(same, ReportPage.longest)
        func text(_ scalars: some Sequence<Unicode.Scalar>, _ limit: Int) -> String {
            var string = String.UnicodeScalarView()
            string.append(contentsOf: scalars)
            return HTML.text(String(string), limit: limit)
        }
        /// An empty answer is one, too: a blank box would look like a fault of the page.
        func shown(_ markup: String) -> String { markup.isEmpty ? "<span class=\"small\">(empty)</span>" : markup }
        func whole(_ text: String) -> String { shown(HTML.text(text, limit: ReportPage.longest)) }
        let head = text(pruned.prefix(kept), ReportPage.longest)
        let rest =
            pruned.count > kept ? "<mark>\(text(pruned.dropFirst(kept), ReportPage.longest - kept))</mark>" : ""
        let distance = sample.kl.map { "<span class=\"small\"> KL \(Figure.fixed($0, 3))</span>" } ?? ""
        return """
            <article class="sample"><p class="small">\(HTML.name(run.name))\(distance)</p>
            <blockquote>\(whole(sample.prompt))</blockquote>
            <div class="answers"><div><b>dense</b><blockquote>\(whole(sample.dense))</blockquote></div>
            <div><b>pruned</b><blockquote>\(shown(head + rest))</blockquote></div></div></article>
            """
    }
}
