import Faults
import Files
import Foundation
import TestSupport
import Testing

@testable import Publishing

/// Two runs never write one output.
struct StagingLockTests: PublishingSuite {
    let bench: PublishingBench

    init() throws { bench = try PublishingBench() }

    @Test func secondRunIsRefusedNamingTheHolder() throws {
        let first = try begin()
        fault(.outputExists, "another run", "process \(getpid()) on") { try begin() }
        fault(.outputExists, "another run") { try StagingFolder.resume(place) }
        withExtendedLifetime(first) {}
    }

    @Test func lockOfADeadProcessIsTakenOver() throws {
        try folder.write("out.partial.lock", "{\"pid\":999999999,\"host\":\"\(StagingLock.hostName())\"}\n")
        let staging = try begin()
        #expect(try String(contentsOfFile: folder.path("out.partial.lock"), encoding: .utf8).contains("\(getpid())"))
        withExtendedLifetime(staging) {}
    }

    @Test func damagedLockIsTakenOver() throws {
        try folder.write("out.partial.lock", "")
        _ = try begin()
        #expect(!folder.exists("out.partial.lock"))
    }

    @Test func lockOfAnotherHostIsRespected() throws {
        try folder.write("out.partial.lock", #"{"pid":1,"host":"elsewhere.invalid"}"#)
        fault(.outputExists, "process 1 on elsewhere.invalid", "rm ") { try begin() }
        #expect(folder.exists("out.partial.lock"))
    }

    @Test func lockThatNoRunWroteIsLeftAlone() throws {
        try folder.write("out.partial.lock", "my notes")
        fault(.outputExists, "not one of this program's", "out.partial.lock") { try begin() }
        #expect(try String(contentsOfFile: folder.path("out.partial.lock"), encoding: .utf8) == "my notes")
        try FileManager.default.removeItem(atPath: folder.path("out.partial.lock"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("out.partial.lock"), withDestinationPath: "victim")
        fault(.inputOutput, "lock cannot be made") { try begin() }
        #expect(!folder.exists("victim"))
    }

    @Test func aRunningRunIsNotCalledInterrupted() throws {
        let first = try begin()
        try Journal(first.path(of: Journal.fileName)).append(.integer(1))
        fault(.outputExists, "another run is writing") { try place.check(inputs: [], bytes: 0) }
        fault(.outputExists, "another run is writing") { try begin() }
        withExtendedLifetime(first) {}
    }
}
