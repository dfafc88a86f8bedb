/// When a request is made again: what passes by itself is waited for, what the request is to blame for is not.
public struct RetryPolicy: Equatable, Sendable {
    /// Requests beside the first.
    public var attempts: Int
    /// Seconds before the second request; each further pause is twice as long.
    public var pause: Double
    /// Seconds at most, also where the server asks for more.
    public var longestPause: Double

    public init(attempts: Int = 3, pause: Double = 0.5, longestPause: Double = 30) {
        self.attempts = attempts
        self.pause = pause
        self.longestPause = longestPause
    }

    static func isPassing(status: Int) -> Bool { status == 429 || (500...599).contains(status) && status != 501 }

    /// Seconds to wait after a failed attempt, from 0; nil when no other is made.
    ///
    /// - Parameter retryAfter: what the server's answer asks for.
    func pause(after attempt: Int, retryAfter: Double?) -> Double? {
        guard attempt < attempts else { return nil }
        var wait = pause
        for _ in 0..<attempt { wait *= 2 }
        return min(max(wait, retryAfter ?? 0), longestPause)
    }
}
