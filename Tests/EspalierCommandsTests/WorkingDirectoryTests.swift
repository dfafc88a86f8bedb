import Foundation
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// Relative paths lead to the same files whatever folder the program is started in.
@Suite(.enabled(if: ProcessTests.tool != nil))
struct WorkingDirectoryTests {
    private let folder: TemporaryFolder
    private let engine = "--threads 1 --device cpu --dtype float32 --quiet"

    init() throws {
        folder = try TemporaryFolder()
        try folder.folder("house/models")
        try folder.folder("elsewhere/deep")
        let dense = try model()
        try FileManager.default.copyItem(atPath: dense.path, toPath: folder.path("house/models/tiny"))
        try folder.write(
            "house/news.txt", String(repeating: "All the news of the day, and some of it new.\n\n", count: 40))
        try folder.write(
            "house/heldout.txt", "A text to be measured on, with words enough to make runs of thirteen of them.")
    }

    private var prune: String {
        "$E prune models/tiny --output out --method wanda --calibration news.txt@2 --evaluation heldout.txt "
            + "--samples 8 --sequence-length 16 \(engine)"
    }

    private func files(_ name: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path(name)) {
            files[file] = try Data(contentsOf: URL(fileURLWithPath: folder.path(name) + "/" + file))
        }
        return files
    }

    @Test func aPublishedFolderHoldsNoAbsolutePath() throws {
        // However the inputs are named.
        for (place, output) in [("", "out"), (folder.path("house") + "/", "two")] {
            let words = prune.replacing("models/tiny", with: place + "models/tiny")
                .replacing("news.txt@2", with: place + "news.txt@2").replacing(
                    "heldout.txt", with: place + "heldout.txt"
                )
                .replacing("--output out", with: "--output \(place)\(output)")
            #expect(try shell("cd house && \(words) --offload \(place).", in: folder) == 0)
            let files = try files("house/\(output)")
            #expect(files.count >= 6)
            for (name, data) in files where !name.hasSuffix(".safetensors") {
                let text = String(decoding: data, as: UTF8.self)
                #expect(!text.contains(folder.path), "\(name)")
                #expect(!text.contains(NSTemporaryDirectory()) && !text.contains(NSHomeDirectory() + "/"), "\(name)")
            }
            let recipe = String(decoding: try #require(files["recipe.yaml"]), as: UTF8.self)
            #expect(recipe.contains("path: ../models/tiny\n") && recipe.contains("- ../news.txt@2\n"))
            #expect(recipe.contains("- ../heldout.txt\n") && recipe.contains("\nthreads: 1\n"))
            #expect(recipe.contains("\noffload: \"..\"\n"))
            let card = String(decoding: try #require(files["README.md"]), as: UTF8.self)
            #expect(card.contains("path: tiny\n") && card.contains("- news.txt@2\n") && !card.contains("../"))
        }
        #expect(try files("house/out") == files("house/two"))
    }

    @Test func aRecipesPathsAreNamedFromItsOwnFolder() throws {
        #expect(try shell("cd house && \(prune)", in: folder) == 0)
        let expected = try files("house/out")
        // The published one, from two folders that are not its own, one of which is above all.
        #expect(
            try shell(
                "cd elsewhere/deep && $E prune --recipe ../../house/out/recipe.yaml --output ../../house/a --quiet",
                in: folder)
                == 0)
        #expect(try files("house/a") == expected)
        let absolute = folder.path("house")
        #expect(
            try shell("cd / && $E prune --recipe \(absolute)/out/recipe.yaml -o \(absolute)/b --quiet", in: folder) == 0
        )
        #expect(try files("house/b") == expected)
        // One that a person wrote; what flags name leads on from the working directory.
        try folder.write(
            "house/r.yaml",
            """
            version: 1
            model: {path: models/tiny}
            output: {path: c}
            method: wanda
            calibration: {sources: [./news.txt@2], evaluation: [heldout.txt], samples: 8, sequence_length: 16}
            device: cpu
            dtype: float32
            threads: 1
            """)
        #expect(try shell("cd elsewhere && $E prune --recipe ../house/r.yaml --quiet", in: folder) == 0)
        #expect(try files("house/c") == expected)
        #expect(
            try shell("cd elsewhere && $E prune ../house/models/tiny --recipe ../house/r.yaml -o d --quiet", in: folder)
                == 0)
        #expect(try files("elsewhere/d")["model.safetensors"] == expected["model.safetensors"])
        #expect(
            try shell("cd elsewhere && $E prune models/tiny --recipe ../house/r.yaml -o e --quiet", in: folder) == 66)
    }

    @Test func anInterruptedRunGoesOnFromAnotherFolder() throws {
        #expect(try shell("cd house && \(prune)", in: folder) == 0)
        let expected = try files("house/out")
        #expect(try shell("rm -r house/out", in: folder) == 0)
        // The disk is full for the second block: the first is committed.
        let limit = try #require(expected["model.safetensors"]).count / 1024 / 2
        let interrupted = try shell("cd house && (ulimit -f \(max(1, limit)); \(prune))", in: folder)
        #expect([74, 75].contains(interrupted))
        #expect(FileManager.default.fileExists(atPath: folder.path("house/out.partial/journal.jsonl")))
        #expect(try shell("cd elsewhere/deep && $E resume ../../house/out --quiet", in: folder) == 0)
        #expect(try files("house/out") == expected)
    }

    @Test func aRecipeBringsItsThreadsAndWarnsWhereThereAreFewerCores() throws {
        let words = "--recipe more.yaml --output more --overwrite 2>told"
        try folder.write(
            "more.yaml",
            "version: 1\nmodel: {path: house/models/tiny}\nmethod: magnitude\ndevice: cpu\ndtype: float32\n"
        )
        #expect(try shell("$E prune \(words)", in: folder) == 0)
        func told() throws -> String { try String(contentsOfFile: folder.path("told"), encoding: .utf8) }
        #expect(try !told().contains("threads share"))
        // The default is written down, too.
        let recipe = String(decoding: try #require(try files("more")["recipe.yaml"]), as: UTF8.self)
        #expect(recipe.contains(/\nthreads: [1-9][0-9]*\n/))
        #expect(try shell("echo threads: $(($(nproc) + 1)) >> more.yaml && $E prune \(words)", in: folder) == 0)
        #expect(try told().contains("threads share"))
    }
}
