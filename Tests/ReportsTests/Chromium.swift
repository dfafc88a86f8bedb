import Foundation
import JSONText
import TestSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A headless browser, driven by the DevTools protocol over two named pipes: messages are JSON, each ended by a zero
/// byte.
///
/// Scripts that it is asked to evaluate are not subject to the page's own content policy.
final class Chromium {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// `$ESPALIER_CHROMIUM`, or the first that PATH names.
    static let executable: String? = {
        let environment = ProcessInfo.processInfo.environment
        let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let found = ["chromium", "chromium-browser", "google-chrome"].flatMap { name in folders.map { $0 + "/" + name }
        }
        return ([environment["ESPALIER_CHROMIUM"]].compactMap { $0 } + found)
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    private let folder: TemporaryFolder
    private let process = Process()
    private let commands: FileHandle
    private let answers: FileHandle
    private var pending = Data()
    private var session: String?
    private var count = 0
    /// What the page told: name and parameters.
    private(set) var events: [(method: String, parameters: JSONObject)] = []

    init(_ executable: String) throws {
        folder = try TemporaryFolder()
        let (input, output) = (folder.path + "/in", folder.path + "/out")
        guard mkfifo(input, 0o600) == 0, mkfifo(output, 0o600) == 0 else { throw Failure(description: "no pipes") }
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c", #"exec "$0" "$@" 3<"$PIPES/in" 4>"$PIPES/out""#, executable, "--headless", "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-extensions",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + folder.path + "/profile",
            "--remote-debugging-pipe", "about:blank",
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(["PIPES": folder.path]) { $1 }
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        // A browser that ended is an error to be told, not the end of the tests.
        signal(SIGPIPE, SIG_IGN)
        try process.run()
        commands = try FileHandle(forWritingTo: URL(fileURLWithPath: input))
        answers = try FileHandle(forReadingFrom: URL(fileURLWithPath: output))
        // A browser that hangs ends the pipe, and with it the test.
        let browser = process
        DispatchQueue.global().asyncAfter(deadline: .now() + 90) { if browser.isRunning { browser.terminate() } }
        let target = try call("Target.createTarget", ["url": .string("about:blank")])
        let attached = try call(
            "Target.attachToTarget", ["targetId": target["targetId"] ?? .null, "flatten": .bool(true)])
        session = attached["sessionId"]?.stringValue
        for domain in ["Page", "Runtime", "Log", "Network"] { try call("\(domain).enable") }
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    @discardableResult
    func call(_ method: String, _ parameters: KeyValuePairs<String, JSONValue> = [:]) throws -> JSONObject {
        count += 1
        var message = JSONObject()
        message["id"] = .integer(count)
        message["method"] = .string(method)
        message["params"] = .object(parameters)
        if let session { message["sessionId"] = .string(session) }
        try commands.write(contentsOf: Data((JSONValue.object(message).text(pretty: false) + "\0").utf8))
        while true {
            let answer = try next()
            guard answer["id"]?.integerValue == count else {
                note(answer)
                continue
            }
            guard let result = answer["result"]?.objectValue else {
                throw Failure(description: "\(method): \(JSONValue.object(answer).text(pretty: false).prefix(400))")
            }
            return result
        }
    }

    /// Opens a page and waits until it is loaded.
    func open(_ path: String) throws {
        events = []
        try call("Page.navigate", ["url": .string("file://" + path)])
        while !events.contains(where: { $0.method == "Page.loadEventFired" }) { note(try next()) }
    }

    /// The value of an expression in the page.
    func evaluate(_ expression: String) throws -> JSONValue {
        let result = try call(
            "Runtime.evaluate", ["expression": .string(expression), "returnByValue": .bool(true)])
        guard result["exceptionDetails"] == nil else {
            throw Failure(description: JSONValue.object(result).text(pretty: false))
        }
        return result["result"]?.objectValue?["value"] ?? .null
    }

    func resize(width: Int, height: Int) throws {
        try call(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .integer(width), "height": .integer(height), "deviceScaleFactor": .integer(1),
                "mobile": .bool(true),
            ])
    }

    func emulate(media: String = "", scheme: String = "light") throws {
        let feature = JSONValue.object(["name": .string("prefers-color-scheme"), "value": .string(scheme)])
        try call("Emulation.setEmulatedMedia", ["media": .string(media), "features": .array([feature])])
    }

    /// Errors and warnings of the console, and exceptions.
    var complaints: [String] {
        events.compactMap { method, parameters in
            switch method {
            case "Runtime.exceptionThrown": return JSONValue.object(parameters).text(pretty: false)
            case "Runtime.consoleAPICalled":
                return JSONValue.object(parameters).text(pretty: false)
            case "Log.entryAdded":
                let entry = parameters["entry"]?.objectValue
                return "\(entry?["level"]?.stringValue ?? ""): \(entry?["text"]?.stringValue ?? "")"
            default: return nil
            }
        }
    }

    /// Addresses that were asked for.
    var requests: [String] {
        events.filter { $0.method == "Network.requestWillBeSent" }
            .compactMap { $0.parameters["request"]?.objectValue?["url"]?.stringValue }
    }

    private func note(_ message: JSONObject) {
        guard let method = message["method"]?.stringValue else { return }
        events.append((method, message["params"]?.objectValue ?? JSONObject()))
    }

    private func next() throws -> JSONObject {
        while true {
            if let end = pending.firstIndex(of: 0) {
                let text = String(decoding: pending[pending.startIndex..<end], as: UTF8.self)
                pending = Data(pending[(end + 1)...])
                guard let object = try JSONValue(parsing: text).objectValue else { continue }
                return object
            }
            let more = answers.availableData
            guard !more.isEmpty else { throw Failure(description: "the browser ended") }
            pending.append(more)
        }
    }
}
