import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// An HTTP server of a test, on a free port of this machine, that answers as a closure says. It ends with the test.
public final class LoopbackServer: Sendable {
    /// What came.
    public struct Request: Sendable {
        public var method: String
        public var path: String
        /// By name, in lower case.
        public var headers: [String: String]
        public var body: [UInt8]
    }

    /// What is sent back.
    public enum Reply: Sendable {
        case answer(Int, body: String, headers: [String] = [])
        /// Parts of a chunked body, with seconds before each; an answer that is not whole ends in the middle.
        case stream([(pause: Double, text: String)], isWhole: Bool = true)
        /// A head that promises more bytes than come.
        case cut(body: String, promised: Int)
        /// Nothing, until the server ends.
        case silence
        /// A body without end.
        case endless(part: String)
    }

    public let port: Int
    public var url: String { "http://127.0.0.1:\(port)" }
    private let descriptor: Int32
    private let received = Mutex<[Request]>([])
    private let isEnded = Mutex(false)

    /// - Parameter handler: given each request, on any thread.
    public init(_ handler: @escaping @Sendable (Request) -> Reply) throws {
        signal(SIGPIPE, SIG_IGN)
        #if canImport(Glibc)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = descriptor
        let listens = withUnsafeMutablePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard descriptor >= 0, listens else { throw Failure() }
        port = Int(UInt16(bigEndian: place.sin_port))
        Thread.detachNewThread { [weak self, descriptor] in
            // Whoever accepts also closes: the number of a closed descriptor is soon another server's.
            defer { close(descriptor) }
            while let server = self, !server.isEnded.withLock({ $0 }) {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&waiting, 1, 50) > 0 else { continue }
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { continue }
                Thread.detachNewThread { server.serve(connection, handler) }
            }
        }
    }

    struct Failure: Error {}

    deinit { end() }

    /// Takes no more connections, and ends those that wait.
    public func end() {
        let wasEnded = isEnded.withLock { ended in
            defer { ended = true }
            return ended
        }
        guard !wasEnded else { return }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// What came so far.
    public var requests: [Request] { received.withLock { $0 } }

    private func serve(_ connection: Int32, _ handler: (Request) -> Reply) {
        defer { close(connection) }
        var buffer: [UInt8] = []
        while let request = LoopbackServer.read(connection, &buffer) {
            received.withLock { $0.append(request) }
            switch handler(request) {
            case .answer(let status, let body, let headers):
                let head = ["HTTP/1.1 \(status) -", "Content-Length: \(body.utf8.count)"] + headers
                guard send(connection, head.joined(separator: "\r\n") + "\r\n\r\n" + body) else { return }
            case .stream(let parts, let isWhole):
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                guard send(connection, head) else { return }
                for (pause, text) in parts {
                    Thread.sleep(forTimeInterval: pause)
                    let size = String(text.utf8.count, radix: 16)
                    guard send(connection, size + "\r\n" + text + "\r\n") else { return }
                }
                guard isWhole, send(connection, "0\r\n\r\n") else { return }
            case .cut(let body, let promised):
                _ = send(connection, "HTTP/1.1 200 OK\r\nContent-Length: \(promised)\r\n\r\n" + body)
                return
            case .silence:
                while !isEnded.withLock({ $0 }), LoopbackServer.isOpen(connection) {
                    Thread.sleep(forTimeInterval: 0.02)
                }
                return
            case .endless(let part):
                guard send(connection, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n") else { return }
                while send(connection, part) {}
                return
            }
        }
    }

    /// Whether the client still waits.
    private static func isOpen(_ connection: Int32) -> Bool {
        var byte: UInt8 = 0
        return recv(connection, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) != 0
    }

    private func send(_ connection: Int32, _ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = LoopbackServer.again { rest.withUnsafeBytes { write(connection, $0.baseAddress, $0.count) } }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Calls again what a signal has interrupted.
    private static func again(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    private static func read(_ connection: Int32, _ buffer: inout [UInt8]) -> Request? {
        func fill() -> Bool {
            var part = [UInt8](repeating: 0, count: 1 << 16)
            let count = again { recv(connection, &part, part.count, 0) }
            guard count > 0 else { return false }
            buffer += part.prefix(count)
            return true
        }
        let end = Array("\r\n\r\n".utf8)
        while buffer.firstRange(of: end) == nil { guard fill() else { return nil } }
        guard let range = buffer.firstRange(of: end) else { return nil }
        let lines = String(decoding: buffer[..<range.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ").map(String.init)
        guard words.count >= 2 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        buffer.removeSubrange(..<range.upperBound)
        while buffer.count < length { guard fill() else { return nil } }
        let body = Array(buffer.prefix(length))
        buffer.removeFirst(length)
        return Request(method: words[0], path: words[1], headers: headers, body: body)
    }
}
