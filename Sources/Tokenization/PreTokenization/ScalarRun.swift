/// A pattern that matches a run of scalars of one set, perhaps after one blank: `\p{N}{1,3}`, `\s?\p{L}+`,
/// `[0-9][0-9]`.
///
/// Read from a regular expression's text and matched without an engine: there is nothing to come back to, so time is
/// linear in the text whatever a file says.
struct ScalarRun: Sendable, Equatable {
    /// What one scalar may stand before the run.
    enum Lead: Sendable, Equatable {
        case nothing
        /// ` ?`
        case blank
        /// `\s?`
        case space
    }

    var lead = Lead.nothing
    var set: ScalarSet
    var least = 1
    var most = Int.max
    /// `$`: only a run that a line's or the text's end follows.
    var endsLine = false

    /// What the pattern matches, from the left.
    func matches(in text: UTF8Text, classes: ScalarClasses) -> [Range<Int>] {
        var matches: [Range<Int>] = []
        var at = 0
        while at < text.count {
            let (end, next) = attempt(in: text, from: at, classes: classes)
            if let end { matches.append(at..<end) }
            at = end ?? next
        }
        return matches
    }

    /// - Returns: the end of the match at `index`, or nil and the next place where one may start.
    private func attempt(
        in text: UTF8Text, from index: Int, classes: ScalarClasses
    ) -> (end: Int?, next: Int) {
        let (scalar, length) = text.scalar(at: index)
        let leads =
            switch lead {
            case .nothing: false
            case .blank: scalar == 0x20
            case .space: classes.of(scalar) & ScalarClasses.space != 0
            }
        if leads, let end = run(in: text, from: index + length, classes: classes).end { return (end, end) }
        let (end, stop) = run(in: text, from: index, classes: classes)
        // No shorter run within this one ends a line if the whole does not.
        return (end, endsLine && most == .max ? max(stop, index + length) : index + length)
    }

    private func run(in text: UTF8Text, from index: Int, classes: ScalarClasses) -> (end: Int?, stop: Int) {
        var at = index
        var count = 0
        var end: Int?
        while count < most, at < text.count {
            let (scalar, length) = text.scalar(at: at)
            guard set.contains(scalar, classes) else { break }
            at += length
            count += 1
            if count >= least, !endsLine || at == text.count || text[at] == 10 { end = at }
        }
        return (end, at)
    }
}
