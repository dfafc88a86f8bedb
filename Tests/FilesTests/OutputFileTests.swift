import Faults
import Files
import Foundation
import TestSupport
import Testing

struct OutputFileTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/res.json"
    }

    private func write(_ text: String, to path: String? = nil) throws(Fault) {
        try OutputTarget(path ?? self.path).write(Array(text.utf8))
    }

    private func text(_ name: String = "res.json") throws -> String {
        try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }

    private var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }

    /// What a thread of its own found.
    private final class Outcome: @unchecked Sendable {
        var result: (done: Int, code: Int32)?
    }

    /// A pipe whose writing end does not wait.
    private func fullPipe() -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        #expect(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        for end in ends { #expect(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
        return (ends[0], ends[1])
    }

    @Test(.timeLimit(.minutes(1))) func aPipeThatIsFullForAMomentLosesNothing() throws {
        let (reading, writing) = fullPipe()
        let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let outcome = Outcome()
        Thread.detachNewThread {
            outcome.result = sent.withUnsafeBytes { OutputFile.write($0, to: writing) }
            close(writing)
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 50_000)
        while true {
            // The writer finds the pipe full each time.
            usleep(2000)
            let count = read(reading, &buffer, buffer.count)
            guard count > 0 else { break }
            received += buffer[..<count]
        }
        close(reading)
        #expect(received == sent)
        #expect(outcome.result?.done == sent.count && outcome.result?.code == 0)
    }

    @Test(.timeLimit(.minutes(1))) func aPipeWhoseReaderGoesWhileItIsFullIsAnError() {
        signal(SIGPIPE, SIG_IGN)
        let (reading, writing) = fullPipe()
        Thread.detachNewThread {
            usleep(50_000)
            close(reading)
        }
        let result = [UInt8](repeating: 1, count: 1 << 20).withUnsafeBytes { OutputFile.write($0, to: writing) }
        #expect(result.code == EPIPE && result.done < 1 << 20)
        close(writing)
    }

    @Test func aFileWithoutANameIsReadAndLeavesNothing() throws {
        let descriptor = try UnlinkedFile.open(in: folder.path)
        defer { close(descriptor) }
        #expect(try names.isEmpty)
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        #expect([UInt8]([1, 2, 3]).withUnsafeBytes { OutputFile.write($0, to: descriptor) }.done == 3)
        var bytes: [UInt8] = [0, 0, 0]
        #expect(pread(descriptor, &bytes, 3, 0) == 3 && bytes == [1, 2, 3])
        let fault = fault { () throws(Fault) in close(try UnlinkedFile.open(in: path)) }
        #expect(fault?.kind == .inputOutput && fault?.file == path)
    }

    private func fault(_ body: () throws(Fault) -> Void) -> Fault? {
        do throws(Fault) {
            try body()
            return nil
        } catch { return error }
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    private func link(_ name: String, to destination: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/" + name, withDestinationPath: destination)
    }

    @Test func namesBesideTheOutputAreLeftAlone() throws {
        try folder.write("victim", "v")
        try folder.write("res.json", "old")
        try link("res.json.partial", to: "victim")
        try write("new")
        #expect(try text() == "new" && text("victim") == "v")
        #expect(try names == ["res.json", "res.json.partial", "victim"])
    }

    @Test func whatIsDroppedUnfinishedLeavesNothing() throws {
        try folder.write("res.json", "old")
        do {
            let file = try OutputFile(path)
            try file.write([1, 2, 3])
            #expect(try names.count == 2)
        }
        #expect(try names == ["res.json"] && text() == "old")
    }

    @Test func whatCannotGetItsNameLeavesNothing() throws {
        let file = try OutputFile(path)
        try file.write([1])
        try FileManager.default.createDirectory(atPath: path + "/x", withIntermediateDirectories: true)
        #expect(fault { () throws(Fault) in _ = try file.finish() }?.kind == .inputOutput)
        #expect(try names == ["res.json"])
    }

    @Test(arguments: [0o600, 0o644, 0o664]) func permissionsOfAReplacedFileAreKept(permissions: Int) throws {
        try folder.write("res.json", "old")
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
        try write("new")
        #expect(try mode(path) == permissions && text() == "new")
    }

    @Test func aLinkIsWrittenThrough() throws {
        try FileManager.default.createDirectory(atPath: folder.path + "/inner", withIntermediateDirectories: false)
        try folder.write("inner/target", "old")
        try link("res.json", to: "inner/target")
        try write("new")
        #expect(try text("inner/target") == "new")
        #expect(FileSystem.isLink(path))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/inner") == ["target"])
    }

    @Test func aLinkThatLeadsNowhereIsRefused() throws {
        try link("res.json", to: "nothing")
        let found = try #require(fault { () throws(Fault) in try write("new") })
        #expect(found.kind == .inputOutput && found.summary.contains("link to a missing file"))
        #expect(try names == ["res.json"])
    }

    @Test func foldersAndNamesOfFoldersAreRefused() throws {
        for (path, words) in [(folder.path, "is a folder"), (folder.path + "/x/", "that of a folder")] {
            let found = try #require(fault { () throws(Fault) in _ = try OutputTarget(path) })
            #expect(found.kind == .inputOutput && found.summary.contains(words))
        }
        #expect(fault { () throws(Fault) in _ = try OutputTarget("") }?.kind == .usage)
        #expect(fault { () throws(Fault) in _ = try OutputTarget(folder.path + "/no/x") }?.kind == .inputOutput)
    }

    @Test func longNamesAreWritten() throws {
        let name = String(repeating: "é", count: 127)
        try write("new", to: folder.path + "/" + name)
        #expect(try names == [name])
        let tooLong = folder.path + "/" + String(repeating: "n", count: 256)
        #expect(fault { () throws(Fault) in _ = try OutputTarget(tooLong) }?.found?.contains("long") == true)
    }

    @Test func devicesAreWrittenIntoAndStay() throws {
        try write("x", to: "/dev/null")
        #expect(FileSystem.kind("/dev/null") == .other)
        #if os(Linux)
            #expect(fault { () throws(Fault) in try write("x", to: "/dev/full") }?.kind == .inputOutput)
        #endif
    }

    @Test(.timeLimit(.minutes(1))) func aPipeIsWrittenIntoAndNeverWaitedFor() throws {
        #expect(mkfifo(path, 0o600) == 0)
        let found = try #require(fault { () throws(Fault) in try write("x") })
        #expect(found.kind == .inputOutput && found.summary.contains("nothing reads"))
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        try write("whole")
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(reader, &bytes, 16)
        #expect(String(decoding: bytes[..<max(0, count)], as: UTF8.self) == "whole")
        #expect(FileSystem.kindUnfollowed(path) == .other)
    }

    @Test func manyWritersOfOneFileAllEndWell() async throws {
        let texts = (0..<16).map { String(repeating: "\($0),", count: 20_000) }
        let path = self.path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for text in texts {
                group.addTask { for _ in 0..<5 { try OutputTarget(path).write(Array(text.utf8)) } }
            }
            try await group.waitForAll()
        }
        #expect(texts.contains(try text()))
        #expect(try names == ["res.json"])
    }
}

struct TemporaryNameTests {
    @Test func namesAreToldFromOthers() {
        let name = FileSystem.last(TemporaryName.beside("/a/model.safetensors"))
        #expect(TemporaryName.matches(name) && name.hasPrefix(".model.safetensors."))
        #expect(TemporaryName.beside("/a/b") != TemporaryName.beside("/a/b"))
        for other in [
            "model.safetensors", "x.partial", "x.0123456789abcdef.espalier-tmp", ".x.0123456789abcdeg.espalier-tmp",
            ".0123456789abcdef.espalier-tmp", ".x.123456789abcdef.espalier-tmp", ".espalier-tmp",
        ] { #expect(!TemporaryName.matches(other), "\(other)") }
    }
}

struct PathTests {
    @Test func pathsAreBytes() {
        #expect(FileSystem.last("model/\u{301}out") == "\u{301}out")
        #expect(FileSystem.parent("model/\u{301}out") == "model")
        #expect(FileSystem.isInside("/model/\u{301}out", "/model"))
        #expect(!FileSystem.areSame("caf\u{E9}", "cafe\u{301}"))
        #expect(FileSystem.parent("/a/b//") == "/a" && FileSystem.parent("/a") == "/" && FileSystem.parent("a") == ".")
        #expect(FileSystem.withoutTrailingSlashes("///") == "/" && FileSystem.withoutTrailingSlashes("") == "")
        #expect(FileSystem.isInside("/a/b", "/") && !FileSystem.isInside("/ab", "/a"))
    }

    @Test func namesThatAreNoUTF8AreNotRepaired() throws {
        let folder = try TemporaryFolder()
        try folder.write("a", "x")
        let bytes = Array(folder.path.utf8CString.dropLast()) + [0x2F, 0x4C, -1, 0]
        let descriptor = open(bytes, O_CREAT | O_WRONLY, 0o600)
        #expect(descriptor >= 0)
        close(descriptor)
        let entries = try FileSystem.entries(in: folder.path)
        #expect(entries.names == ["a"] && entries.unreadable == ["L\u{FFFD}"])
        unlink(bytes)
    }
}

struct ShellWordTests {
    @Test(arguments: [
        ("out/model-1.5_x", "out/model-1.5_x"), ("a b", "'a b'"), ("a'b", #"'a'\''b'"#), ("", "''"), ("-x", "./-x"),
        ("$(rm)", "'$(rm)'"), ("~", "'~'"), ("a\nb", #"$'a\x0ab'"#), ("a'\n", #"$'a\'\x0a'"#), ("é", "'é'"),
        ("x'\u{301}; rm", "'x'\\''\u{301}; rm'"),
    ])
    func wordsAreQuoted(text: String, word: String) { #expect(ShellWord.quoted(text) == word) }
}
