import Faults

/// A request to a server: a GET, or with a body a POST of JSON.
public struct HTTPRequest: Sendable {
    public var url: String
    /// "Name: value"
    public var headers: [String]
    public var body: [UInt8]?
    /// Seconds to reach the server, and to the last byte of the answer.
    public var connectTimeout: Double
    public var timeout: Double
}

/// How a request ended.
public struct HTTPOutcome: Sendable {
    public enum Ending: Sendable {
        /// The answer is whole.
        case whole
        /// Whoever took the answer wanted no more of it.
        case stopped
        /// Nothing was sent.
        case notReached
        case timedOut
        /// TLS was refused: certificate or handshake.
        case untrusted
        /// The connection ended early, or what came is not HTTP.
        case broken
        case other
    }

    public var ending: Ending
    /// 0 without an answer.
    public var status: Int
    /// Of the library, for people.
    public var message: String

    public init(ending: Ending, status: Int, message: String) {
        self.ending = ending
        self.status = status
        self.message = message
    }
}

/// Who takes an answer as it arrives.
public protocol HTTPReceiver: AnyObject {
    /// A line of the head: the status, or "Name: value". False ends the request.
    func take(header line: String) -> Bool
    /// A part of the body. False ends the request.
    func take(body part: UnsafeRawBufferPointer) -> Bool
}

/// What sends a request and waits for its answer, one at a time; redirects are not followed.
public protocol HTTPConnection: AnyObject {
    func perform(_ request: HTTPRequest, into receiver: any HTTPReceiver) -> HTTPOutcome
}

/// What makes connections; any thread may ask for one.
public protocol HTTPTransport: Sendable {
    /// - Throws: `inputOutput` where the system lacks what it needs.
    func connect() throws(Fault) -> any HTTPConnection
}
