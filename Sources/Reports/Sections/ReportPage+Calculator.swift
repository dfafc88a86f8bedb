extension ReportPage {
    var calculator: (body: String, lead: String)? {
        let measured = runs.filter { ($0.speed?.decode).map { $0.isFinite && $0 > 0 } == true }
        let speed = measured.first?.speed
        let (dense, ratio) = (tokensPerSecond(speed), speed?.decode ?? 1)
        let before = tokensPerDay / (dense * 3600) * pricePerHour
        let after = before / ratio
        let choice =
            measured.count > 1
            ? "<label for=\"run\">model</label><select id=\"run\">" + measured.map(option).joined() + "</select>" : ""
        return (
            """
            <div class="calculator">\(choice)\(field("price", "price of a machine per hour", pricePerHour, 2))
            \(field("tokens", "tokens per day", tokensPerDay, 0))\(field("dense", "dense model, tokens per second", dense, 1))
            \(field("ratio", "pruned model, times as fast", ratio, 3))\(field("once", "spent once on pruning and testing", 0, 2))</div>
            <div class="saving"><p>Cost of a day: <output id="before">\(Figure.money(before))</output> before, \
            <output id="after">\(Figure.money(after))</output> after.</p>
            <p>Saved in a year: <output id="saved">\(Figure.money((before - after) * 365))</output>. \
            Paid back: <output id="payback">at once</output>.</p></div>
            """,
            speed == nil
                ? "Speed was not measured: both speeds are to be filled in."
                : "The speeds are those measured, new tokens at the largest batch, on the machine named below. Price and load are "
                    + "assumptions: change them."
        )
    }

    private func tokensPerSecond(_ speed: PublishedRun.Speed?) -> Double {
        speed?.denseTokensPerSecond.flatMap { $0.isFinite && $0 > 0 ? $0 : nil } ?? 1000
    }

    private func option(_ run: PublishedRun) -> String {
        "<option data-dense=\"\(Figure.fixed(tokensPerSecond(run.speed), 1))\" data-ratio=\"\(Figure.fixed(run.speed?.decode, 3))\">"
            + "\(HTML.name(run.name))</option>"
    }

    private func field(_ id: String, _ label: String, _ value: Double, _ digits: Int) -> String {
        // A field takes plain digits only.
        let text = abs(value) < 1e9 ? Figure.fixed(value, digits) : "\(value)"
        return "<label for=\"\(id)\">\(label)</label>"
            + "<input id=\"\(id)\" type=\"number\" min=\"0\" step=\"any\" value=\"\(text)\">"
    }
}
