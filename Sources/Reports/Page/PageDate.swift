import Foundation

/// Dates as the page shows them, in UTC: whoever reads it may be anywhere.
enum PageDate {
    /// "2026-11-27 15:04 UTC"; "–" for none.
    ///
    /// - Parameter seconds: since 1970.
    static func text(_ seconds: Double?) -> String {
        // Up to the year 9999: a file may say anything.
        guard let seconds, seconds.isFinite, seconds >= 0, seconds < 253_402_300_800 else { return "–" }
        let style = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
            .dateSeparator(.dash).dateTimeSeparator(.space).time(includingFractionalSeconds: false)
        let text = Date(timeIntervalSince1970: seconds).formatted(style)
        return text.dropLast(3) + " UTC"
    }
}
