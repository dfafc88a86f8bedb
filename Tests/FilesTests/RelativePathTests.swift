import Foundation
import TestSupport
import Testing

@testable import Files

/// Paths are named from a folder, and lead from it to the same place again.
struct RelativePathTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.folder("work/models/tiny")
        try folder.folder("elsewhere")
        try folder.write("work/news.txt", "news")
    }

    @Test(arguments: [
        ("work/models/tiny", "work/out", "../models/tiny"), ("work/news.txt", "work/runs/out", "../../news.txt"),
        ("work/news.txt@2", "work/out", "../news.txt@2"), ("elsewhere/", "work/out", "../../elsewhere"),
        ("work/out/scratch", "work/out", "./scratch"), ("work/models/../news.txt", "work/out", "../news.txt"),
        ("work/models/.", "work/out", "../models"),
    ])
    func aPathIsNamedFromAFolderAndLeadsBack(_ path: String, _ from: String, _ expected: String) throws {
        try folder.folder("work/runs")
        try folder.folder("work/out")
        let named = RelativePath.of(folder.path(path), from: folder.path(from))
        #expect(named == expected)
        let back = RelativePath.resolved(named, in: folder.path(from))
        let parent = try #require(FileSystem.resolved(FileSystem.parent(folder.path(path))))
        let name = FileSystem.last(path)
        #expect(
            FileSystem.resolved(back) == FileSystem.resolved(folder.path(path))
                && (name == "." || FileSystem.resolved(FileSystem.parent(back)) == parent))
    }

    @Test func theFolderNeedNotExistAndALinkedOneIsSeenThrough() throws {
        #expect(RelativePath.of(folder.path("work/news.txt"), from: folder.path("work/new")) == "../news.txt")
        #expect(
            RelativePath.resolved("../news.txt", in: folder.path("work/new")) == folder.path("work/news.txt"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("link"), withDestinationPath: folder.path("work/models"))
        #expect(RelativePath.resolved("../news.txt", in: folder.path("link")) == folder.path("work/news.txt"))
        // The name of a link to a file is kept: it may tell what kind the file is.
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("work/model.gguf"), withDestinationPath: folder.path("work/news.txt"))
        #expect(RelativePath.of(folder.path("work/model.gguf"), from: folder.path("work/out")) == "../model.gguf")
    }

    @Test func whatIsAbsoluteOrInTheFolderItselfStaysReadable() {
        #expect(RelativePath.resolved("/a/b", in: "x") == "/a/b")
        #expect(RelativePath.resolved("a/b", in: ".") == "a/b")
        #expect(RelativePath.resolved("./a", in: "x/y") == "x/y/a")
        #expect(RelativePath.resolved("../../../../../../../../../../../../../..", in: ".") == "/")
    }
}
