import EspalierKit
import Faults

/// Tells a person how the work goes: phases with a bar on a terminal, plain lines elsewhere; notes and warnings.
///
/// Everything goes to standard error. Not for several threads at once.
public final class ProgressReporter: Reporter {
    /// How much is said.
    public enum Level: Int, Comparable, Sendable {
        /// Warnings only.
        case quiet
        case normal
        /// Details too.
        case verbose

        public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// Where the reporter writes, and what it asks of the world.
    public struct Surroundings {
        public var isTerminal: Bool
        public var style: Style
        /// Columns of the terminal.
        public var width: () -> Int
        /// Seconds from any fixed moment.
        public var clock: () -> Double
        public var write: (String) -> Void

        public init(
            isTerminal: Bool, style: Style, width: @escaping () -> Int, clock: @escaping () -> Double,
            write: @escaping (String) -> Void
        ) {
            self.isTerminal = isTerminal
            self.style = style
            self.width = width
            self.clock = clock
            self.write = write
        }

        /// The process's standard error.
        public static var process: Surroundings {
            let start = ContinuousClock.now
            return Surroundings(
                isTerminal: StandardError.isTerminal, style: .ofProcess, width: { StandardError.width },
                clock: { start.duration(to: .now) / .seconds(1) }, write: StandardError.write)
        }
    }

    private struct Phase {
        var title: String
        var total: Double
        var unit: String
        var start: Double
        var completed = 0.0
        var lastShown: Double
        var lastLogged: Double
        var timeLeft = TimeLeft()
    }

    public let level: Level
    private let surroundings: Surroundings
    private var phase: Phase?
    private var barIsDrawn = false
    /// Gets all of it, whatever the level.
    private let log: LogFile?

    public convenience init(level: Level = .normal, surroundings: Surroundings = .process) {
        self.init(level: level, surroundings: surroundings, log: nil)
    }

    init(level: Level, surroundings: Surroundings = .process, log: LogFile?) {
        self.level = level
        self.surroundings = surroundings
        self.log = log
    }

    // MARK: Phases

    /// Starts a phase; one that is still open is finished first.
    ///
    /// - Parameters:
    ///   - total: how much there is to do, in `unit`s.
    ///   - unit: what the rate counts: "tokens"; no rate is shown for an empty one.
    public func begin(_ title: String, total: Double, unit: String) {
        finish()
        let now = surroundings.clock()
        phase = Phase(
            title: Fault.harmless(title, limit: ProgressReporter.longestLine), total: total, unit: unit, start: now,
            lastShown: now, lastLogged: now)
        log?.write(phase.map { "\($0.title): begun" } ?? "")
        draw()
    }

    /// Tells how much is done in all.
    public func update(_ completed: Double) {
        guard let open = phase else { return }
        phase?.completed = completed
        let now = surroundings.clock()
        if let updated = phase { phase?.timeLeft.note(done: fraction(updated), elapsed: now - open.start) }
        if now - open.lastLogged >= ProgressReporter.seconds {
            phase?.lastLogged = now
            log?.write(summary(now))
        }
        guard now - open.lastShown >= (surroundings.isTerminal ? 0.1 : ProgressReporter.seconds) else { return }
        phase?.lastShown = now
        if surroundings.isTerminal { draw() } else if level > .quiet { line(summary(now)) }
    }

    public func advance(by amount: Double) { update((phase?.completed ?? 0) + amount) }

    /// Ends the phase; a no-op without one.
    public func finish() {
        guard let open = phase else { return }
        erase()
        let seconds = surroundings.clock() - open.start
        log?.write("\(open.title): done in \(Amount.duration(seconds))")
        // In lines that stay, phases too short to have been mentioned stay unmentioned.
        if level == .verbose || level == .normal && !surroundings.isTerminal && seconds >= 10 {
            line("\(open.title): done in \(Amount.duration(seconds))")
        }
        phase = nil
    }

    // MARK: Lines

    /// Lines name things of others' files, which may be a megabyte long.
    static let longestLine = 2000
    /// Between two lines of a phase where lines stay.
    private static let seconds = 10.0

    /// A line for everyone who did not ask for quiet.
    public func note(_ text: String) {
        log?.write(text)
        if level > .quiet { line(Fault.harmless(text, limit: ProgressReporter.longestLine)) }
    }

    /// A line for those who asked for more.
    public func detail(_ text: String) {
        log?.write(text)
        if level == .verbose { line(Fault.harmless(text, limit: ProgressReporter.longestLine)) }
    }

    /// What the user should know whatever they asked for.
    public func warning(_ text: String) {
        log?.write("warning: \(text)")
        line(surroundings.style.warning("warning:") + " " + Fault.harmless(text, limit: ProgressReporter.longestLine))
    }

    private func line(_ text: String) {
        erase()
        surroundings.write(text + "\n")
        draw()
    }

    // MARK: The bar

    private func draw() {
        guard surroundings.isTerminal, level > .quiet, let open = phase else { return }
        surroundings.write("\r\u{1B}[K" + bar(open, surroundings.clock()))
        barIsDrawn = true
    }

    private func erase() {
        guard barIsDrawn else { return }
        surroundings.write("\r\u{1B}[K")
        barIsDrawn = false
    }

    private func bar(_ open: Phase, _ now: Double) -> String {
        // The last column stays free: some terminals wrap when it is written.
        let width = max(20, surroundings.width() - 1)
        let figures = figures(open, now)
        let room = width - figures.count - 5
        let title = Self.clipped(open.title, to: max(0, min(room - 10, 40)))
        let length = max(0, min(30, room - Self.columns(title)))
        let filled = Int(Double(length) * fraction(open))
        let bar =
            length < 5
            ? "" : "[" + String(repeating: "=", count: filled) + String(repeating: " ", count: length - filled) + "] "
        return Self.clipped("\(title) \(bar)\(figures)", to: width)
    }

    private func summary(_ now: Double) -> String { phase.map { "\($0.title): \(figures($0, now))" } ?? "" }

    private func fraction(_ open: Phase) -> Double {
        open.total > 0 ? min(1, max(0, open.completed / open.total)) : 0
    }

    private func figures(_ open: Phase, _ now: Double) -> String {
        let done = fraction(open)
        let elapsed = now - open.start
        var parts = ["\(Int(done * 100)) %"]
        if !open.unit.isEmpty, elapsed > 0.5, open.completed > 0 {
            parts.append("\(Amount.rate(open.completed / elapsed)) \(open.unit)/s")
        }
        if let left = open.timeLeft.seconds(done: done, elapsed: elapsed) {
            parts.append("\(Amount.duration(left)) left")
        }
        return parts.joined(separator: ", ")
    }

    // MARK: Text for a terminal

    /// Columns that a text takes, wide characters counted as two.
    static func columns(_ text: String) -> Int { text.reduce(0) { $0 + columns($1) } }

    private static func columns(_ character: Character) -> Int {
        switch character.unicodeScalars.first?.value ?? 0 {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            2
        default: 1
        }
    }

    static func clipped(_ text: String, to width: Int) -> String {
        guard columns(text) > width else { return text }
        var result = ""
        var used = 1
        for character in text {
            used += columns(character)
            if used > width { break }
            result.append(character)
        }
        return width > 0 ? result + "…" : ""
    }
}
