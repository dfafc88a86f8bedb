extension ReportPage {
    /// Runs by what keeps their savings from being computed, nil first.
    private var byObstacle: [(obstacle: Savings.Obstacle?, runs: [PublishedRun])] {
        ([nil] + Savings.Obstacle.allCases.map(Optional.some)).compactMap { obstacle in
            let found = runs.filter { Savings.obstacle(verdict($0).decision, $0.speed) == obstacle }
            return found.isEmpty ? nil : (obstacle, found)
        }
    }

    /// Only for runs that may be served and are measurably faster, and only from what somebody entered.
    var calculator: (body: String, lead: String)? {
        let refusals = byObstacle.compactMap { obstacle, runs -> String? in
            guard let obstacle else { return nil }
            let names = Words.list(runs.map { "<b>\(HTML.name($0.name))</b>" })
            return "<p>No savings are computed for \(names): \(obstacle.reason)</p>"
        }.joined()
        let saving = byObstacle.first { $0.obstacle == nil }?.runs ?? []
        guard let speed = saving.first?.speed else {
            return (refusals, "Savings are computed for runs that may be served and are measurably faster.")
        }
        let choice =
            saving.count > 1
            ? "<label for=\"run\">model</label><select id=\"run\">" + saving.map(option).joined() + "</select>"
            : "<span>model</span><b>\(HTML.name(saving[0].name))</b>"
        let unit = costs.currency.map { HTML.name($0) }
        let currency = unit.map { " (\($0))" } ?? ""
        return (
            """
            <div class="calculator" id="costs" data-currency="\(unit ?? "")">\(choice)\
            \(field("price", "price of a machine per hour\(currency)", costs.pricePerHour, Costs.prices))
            \(field("tokens", "new tokens per day", costs.tokensPerDay, Costs.loads))
            \(field("dense", "dense model, new tokens per second", denseRate(speed), ReportPage.rates))
            \(field("ratio", "pruned model, times as fast", speed.decode.value, ReportPage.ratios))
            \(field("once", "spent once on pruning and testing\(currency)", costs.spentOnce, Costs.spendings))</div>
            \(outcome(speed))\(refusals)
            """,
            "Both speeds were measured \(ReportPage.engine(speed.server))"
                + "\(speed.server == nil ? ": enter what your server measures" : ""). The figures are those of "
                + "\(Words.counted(speed.batch, "sequence")) at a time after a prompt of "
                + "\(Words.counted(speed.prompt, "token"))."
        )
    }

    /// Tokens per second, and times as fast, that a field takes.
    private static let rates = 0.001...1e9
    private static let ratios = 0.01...1000.0

    /// The same as the script computes, for browsers without one.
    private func outcome(_ speed: PublishedRun.Speed) -> String {
        let missing = [
            costs.pricePerHour == nil ? "the price of a machine per hour (--price-per-hour)" : nil,
            costs.tokensPerDay == nil ? "the new tokens per day (--tokens-per-day)" : nil,
            denseRate(speed) == nil ? "the dense model's tokens per second" : nil,
        ].compactMap { $0 }
        func line(_ label: String, _ id: String, _ text: String) -> String {
            "<p>\(label): <output id=\"\(id)\">\(text)</output></p>"
        }
        var (before, after, saved, payback) = ("–", "–", "–", "–")
        if let price = costs.pricePerHour, let tokens = costs.tokensPerDay, let rate = denseRate(speed) {
            let first = Savings.costOfDay(tokensPerDay: tokens, tokensPerSecond: rate, pricePerHour: price)
            let second = first / speed.decode.value
            (before, after, saved) = (money(first), money(second), money((first - second) * 365))
            payback = self.payback(savedPerDay: first - second)
        }
        let hint =
            missing.isEmpty ? "" : "No savings are computed before a cost is entered: enter \(Words.list(missing))."
        return "<div class=\"saving\"><p id=\"hint\">\(hint)</p>" + line("Cost of a day, dense model", "before", before)
            + line("Cost of a day, pruned model", "after", after) + line("Saved in a year", "saved", saved)
            + line("Paid back", "payback", payback) + "</div>"
    }

    private func payback(savedPerDay: Double) -> String {
        guard let once = costs.spentOnce else { return "enter what was spent once" }
        guard once > 0 else { return "nothing was spent" }
        guard savedPerDay > 0, (once / savedPerDay) < 1e9 else { return "never" }
        return "after " + Words.counted(Int((once / savedPerDay).rounded(.up)), "day")
    }

    private func money(_ value: Double) -> String {
        Figure.money(value) + (costs.currency.map { " " + HTML.name($0) } ?? "")
    }

    private func denseRate(_ speed: PublishedRun.Speed?) -> Double? {
        speed?.denseTokensPerSecond.flatMap { ReportPage.rates.contains($0) ? $0 : nil }
    }

    private func option(_ run: PublishedRun) -> String {
        "<option data-dense=\"\(plain(denseRate(run.speed)))\" data-ratio=\"\(plain(run.speed?.decode.value))\">"
            + "\(HTML.name(run.name))</option>"
    }

    /// A field takes plain digits only.
    private func plain(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "" }
        if value == value.rounded(), abs(value) < 1e16 { return String(Int(value)) }
        guard abs(value) < 1e9 else { return "\(value)" }
        var text = Figure.fixed(value, 3).replacing("−", with: "-")
        while text.hasSuffix("0") { text.removeLast() }
        return text
    }

    private func field(_ id: String, _ label: String, _ value: Double?, _ range: ClosedRange<Double>) -> String {
        "<label for=\"\(id)\">\(label)</label><input id=\"\(id)\" type=\"number\" min=\"\(plain(range.lowerBound))\" "
            + "max=\"\(plain(range.upperBound))\" step=\"any\" value=\"\(plain(value))\">"
    }
}
