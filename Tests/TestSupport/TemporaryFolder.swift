import Foundation

/// A folder that is gone when the value is.
public final class TemporaryFolder {
    public let path: String

    public init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("espalier-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.resolvingSymlinksInPath().path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and gives its path.
    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }

    @discardableResult
    public func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }
}

extension TemporaryFolder {
    public func path(_ name: String) -> String { path + "/" + name }

    /// Makes a folder in it and gives its path.
    @discardableResult
    public func folder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
        return path(name)
    }

    /// What stands in it, or in a folder of it, sorted.
    public func names(_ folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? path : path(folder)).sorted()
    }

    public func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
}

/// What lies outside the repository: models and texts that some tests need.
public enum TestData {
    /// The folder that ESPALIER_TEST_DATA names.
    public static var folder: String? {
        ProcessInfo.processInfo.environment["ESPALIER_TEST_DATA"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A file or folder in it, when it is there.
    public static func path(_ name: String) -> String? {
        folder.map { $0 + "/" + name }.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
    }
}
