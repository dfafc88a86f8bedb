import Faults
import Foundation
import TestSupport
import Testing

@testable import Publishing

/// Outputs that are refused before any work.
struct OutputPlaceTests: PublishingSuite {
    let bench: PublishingBench

    init() throws { bench = try PublishingBench() }

    @Test func existingOutputIsRefusedBeforeWork() throws {
        try publish()
        fault(.outputExists, "already exists", "--overwrite") { try place.check(inputs: [], bytes: 0) }
        fault(.outputExists, "already exists") { try begin() }
        #expect(try folder.names() == ["out"])
    }

    @Test func overwritingRefusesWhatWeDidNotMake() throws {
        try folder.folder("out")
        try folder.write("out/thesis.txt", "mine")
        fault(.outputExists, "did not make") {
            try OutputPlace(folder.path("out"), overwrite: true).check(inputs: [], bytes: 0)
        }
        try folder.write("file", "x")
        fault(.outputExists, "not a folder") {
            try OutputPlace(folder.path("file"), overwrite: true).check(inputs: [], bytes: 0)
        }
        try folder.folder("empty")
        try publish(OutputPlace(folder.path("empty"), overwrite: true))
        #expect(folder.exists("empty/COMPLETE.json"))
    }

    @Test func outputThatIsOrOverlapsTheInputIsRefused() throws {
        let input = try folder.folder("model")
        for (output, words) in [
            ("model", "output is the input"), ("model/", "output is the input"), ("model/out", "inside the input"),
            ("model/../model/x", "inside the input"),
        ] {
            fault(.usage, words) {
                try OutputPlace(folder.path(output), overwrite: true).check(inputs: [input], bytes: 0)
            }
        }
        fault(.usage, "input is inside") { try OutputPlace(folder.path).check(inputs: [input], bytes: 0) }
        try OutputPlace(folder.path("model2")).check(inputs: [input], bytes: 0)
        #expect(try folder.names() == ["model"])
    }

    @Test func outputBehindALinkIntoTheInputIsRefused() throws {
        let input = try folder.folder("model")
        try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: input)
        fault(.usage, "inside the input") { try OutputPlace(folder.path("link/out")).check(inputs: [input], bytes: 0) }
    }

    @Test(arguments: ["", "/", ".", ".."]) func impossibleOutputIsRefused(output: String) {
        fault(.usage, "cannot be an output") { try OutputPlace(output).check(inputs: [], bytes: 0) }
    }

    @Test func missingParentIsRefusedBeforeWork() {
        fault(.inputOutput, "parent folder does not exist", "mkdir -p") {
            try OutputPlace(folder.path("no/out")).check(inputs: [], bytes: 0)
        }
    }

    #if os(Linux)
        @Test func unwritableParentIsRefusedBeforeWork() {
            fault(.inputOutput, "cannot be written", "/proc") {
                try OutputPlace("/proc/out").check(inputs: [], bytes: 0)
            }
        }
    #endif

    @Test func fullDiskIsRefusedBeforeWork() {
        fault(.inputOutput, "too full", "\(Int.max) bytes") { try place.check(inputs: [], bytes: .max) }
    }

    @Test func pathsAreComparedByTheirBytes() throws {
        let input = try folder.folder("model")
        fault(.usage, "inside the input") {
            try OutputPlace(folder.path("model/\u{301}out")).check(inputs: [input], bytes: 0)
        }
        let composed = try folder.folder("caf\u{E9}")
        try OutputPlace(folder.path("cafe\u{301}")).check(inputs: [composed], bytes: 0)
    }

    @Test func namesThatAreTooLongAreRefused() throws {
        fault(.usage, "name is too long", "at most 242 bytes") {
            try OutputPlace(folder.path(String(repeating: "n", count: 243))).check(inputs: [], bytes: 0)
        }
        let long = String(repeating: "n", count: 242)
        try publish(OutputPlace(folder.path(long)))
        #expect(folder.exists(long + "/COMPLETE.json"))
    }

    @Test func adviceQuotesPaths() {
        fault(.inputOutput, "mkdir -p '") {
            try OutputPlace(folder.path("no folder'; rm/out")).check(inputs: [], bytes: 0)
        }
    }
}
