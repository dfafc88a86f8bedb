import CCurl
import Faults

/// Connections of the system's libcurl.
public struct CurlTransport: HTTPTransport {
    public init() {}

    public func connect() throws(Fault) -> any HTTPConnection { try CurlConnection() }
}

/// libcurl, which is opened when the first connection is made: a program that measures no server needs none.
///
/// It brings TLS with the system's certificates, and proxies as the environment names them.
final class CurlConnection: HTTPConnection {
    private let handle: esp_curl

    /// - Throws: `inputOutput` where the system has no libcurl.
    init() throws(Fault) {
        var message = [CChar](repeating: 0, count: 256)
        guard let handle = esp_curl_open(&message, message.count) else {
            let bytes = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw Fault(
                .inputOutput, "the system's library for HTTP cannot be opened",
                found: String(decoding: bytes, as: UTF8.self), expected: "libcurl 7.55 or newer",
                advice: "install it: the package libcurl4 of Debian and Ubuntu, libcurl of Fedora")
        }
        self.handle = handle
    }

    deinit { esp_curl_close(handle) }

    func perform(_ request: HTTPRequest, into receiver: any HTTPReceiver) -> HTTPOutcome {
        let box = Box(receiver)
        let result = withExtendedLifetime(box) {
            CurlConnection.withCStrings(request.headers) { headers in
                request.url.withCString { url in
                    (request.body ?? []).withUnsafeBytes { body in
                        // An empty body has no address of its own.
                        withUnsafePointer(to: UInt8(0)) { nothing in
                            var sent = esp_curl_request()
                            sent.url = url
                            sent.headers = headers.baseAddress
                            sent.header_count = headers.count
                            sent.body =
                                request.body == nil ? nil : body.baseAddress ?? UnsafeRawPointer(nothing)
                            sent.body_size = body.count
                            sent.connect_milliseconds = Int64(request.connectTimeout * 1000)
                            sent.total_milliseconds = Int64(request.timeout * 1000)
                            sent.context = Unmanaged.passUnretained(box).toOpaque()
                            sent.header = { context, bytes, count in
                                guard let context, let bytes else { return false }
                                let line = UnsafeRawBufferPointer(start: bytes, count: count)
                                return Box.of(context).take(header: String(decoding: line, as: UTF8.self))
                            }
                            sent.body_part = { context, bytes, count in
                                guard let context else { return false }
                                return Box.of(context).take(body: UnsafeRawBufferPointer(start: bytes, count: count))
                            }
                            return esp_curl_perform(handle, &sent)
                        }
                    }
                }
            }
        }
        let message = withUnsafeBytes(of: result.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return HTTPOutcome(ending: ending(result.outcome), status: result.status, message: message)
    }

    private func ending(_ outcome: esp_curl_outcome) -> HTTPOutcome.Ending {
        switch outcome {
        case ESP_CURL_DONE: .whole
        case ESP_CURL_STOPPED: .stopped
        case ESP_CURL_NOT_REACHED: .notReached
        case ESP_CURL_TIMED_OUT: .timedOut
        case ESP_CURL_UNTRUSTED: .untrusted
        case ESP_CURL_BROKEN: .broken
        default: .other
        }
    }

    /// Gives C a receiver of any type.
    private final class Box {
        let receiver: any HTTPReceiver

        init(_ receiver: any HTTPReceiver) { self.receiver = receiver }

        static func of(_ context: UnsafeMutableRawPointer) -> any HTTPReceiver {
            Unmanaged<Box>.fromOpaque(context).takeUnretainedValue().receiver
        }
    }

    /// The texts as C has them.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Result
    ) -> Result {
        var bytes: [CChar] = []
        var starts: [Int] = []
        for text in texts {
            starts.append(bytes.count)
            bytes += text.utf8CString
        }
        return bytes.withUnsafeBufferPointer { buffer in
            let pointers = starts.map { start in buffer.baseAddress.map { $0 + start } }
            return pointers.withUnsafeBufferPointer(body)
        }
    }
}
