/// An answer that is kept, up to so many bytes.
final class HTTPAnswer: HTTPReceiver {
    private let limit: Int
    private(set) var body: [UInt8] = []
    private(set) var isTooLarge = false
    private var headers: [String: String] = [:]
    private var headerBytes = 0
    /// Takes the parts of a stream as they come, in place of keeping them; nil keeps them.
    var stream: ((UnsafeRawBufferPointer) -> Bool)?
    private var status = 0

    /// The most bytes of an answer's head.
    private static let largestHead = 1 << 18

    init(limit: Int) { self.limit = limit }

    /// - Parameter name: in lower case.
    func header(_ name: String) -> String? { headers[name] }

    func take(header line: String) -> Bool {
        headerBytes += line.utf8.count
        guard headerBytes <= HTTPAnswer.largestHead else {
            isTooLarge = true
            return false
        }
        if line.hasPrefix("HTTP/") {
            // After a "100 Continue" comes the head that counts.
            headers = [:]
            status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].drop { $0.isWhitespace }
            headers[line[..<colon].lowercased()] = String(value.prefix { !$0.isNewline })
        }
        return true
    }

    private var received = 0

    func take(body part: UnsafeRawBufferPointer) -> Bool {
        received += part.count
        guard received <= limit else {
            isTooLarge = true
            return false
        }
        if let stream, (200...299).contains(status) { return stream(part) }
        body += part
        return true
    }
}
