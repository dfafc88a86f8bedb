import Faults
import Files
import Foundation
import Testing

@testable import Checkpoints

struct SafetensorsWriterTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private let tensors = [
        TensorDescription(name: "b", shape: [2], type: .f16), TensorDescription(name: "z", shape: [], type: .f32),
        TensorDescription(name: "a", shape: [2, 2], type: .f32), TensorDescription(name: "e", shape: [0], type: .f32),
    ]

    @Test func bytesAreThoseOfTheReferenceLayout() throws {
        let path = folder.path("x.safetensors")
        let writer = try SafetensorsWriter(path, tensors)
        #expect(writer.order.map(\.name) == ["a", "e", "z", "b"])
        try writer.write("a", Array(0..<16))
        try writer.write("z", Array(16..<20))
        try writer.write("b", Array(20..<24))
        #expect(!folder.exists("x.safetensors"))
        let digest = try writer.finish()

        let header =
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"#
            + #""e":{"dtype":"F32","shape":[0],"data_offsets":[16,16]},"z":{"dtype":"F32","shape":[],"data_offsets":[16,20]},"#
            + #""b":{"dtype":"F16","shape":[2],"data_offsets":[20,24]}}"#
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let expected = safetensors(padded) + Array(0..<24)
        #expect(Array(try Data(contentsOf: URL(fileURLWithPath: path))) == expected)
        #expect(digest.bytes == expected.count)
        #expect(digest.bytes == SafetensorsWriter.fileSize(tensors))
        #expect(digest.sha256 == (try InputFile(path).digest()))
        #expect(try folder.names() == ["x.safetensors"])
    }

    @Test func whatWasWrittenIsReadBack() throws {
        let path = folder.path("x.safetensors")
        let writer = try SafetensorsWriter(path, tensors)
        for tensor in writer.order { try writer.write(tensor.name, [UInt8](repeating: 7, count: tensor.byteCount)) }
        _ = try writer.finish()
        let file = try SafetensorsFile(path)
        #expect(file.tensors == writer.order)
        #expect(try file.bytes("b") == [7, 7, 7, 7])
        #expect(file.header.metadata["format"]?.stringValue == "pt")
    }

    @Test func wrongOrderAndWrongLengthAreRefused() throws {
        let writer = try SafetensorsWriter(folder.path("x.safetensors"), tensors)
        fault(.badData, "out of order", "'a'") { try writer.write("b", [0, 0, 0, 0]) }
        fault(.badData, "longer") { try writer.write("a", [UInt8](repeating: 0, count: 17)) }
        fault(.badData, "not written", "tensor 'a'") { try writer.finish() }
        fault(.badData, "twice") { try SafetensorsWriter(folder.path("y"), [tensors[0], tensors[0]]) }
    }

    @Test func unfinishedFileLeavesNothing() throws {
        do {
            let writer = try SafetensorsWriter(folder.path("x.safetensors"), tensors)
            try writer.write("a", [1, 2, 3])
        }
        #expect(try folder.names().isEmpty)
    }

    @Test func fileThatChangesBetweenReadsIsNoticed() throws {
        let path = try folder.write("x.safetensors", safetensors([("t", [2], [1, 2])]))
        let file = try SafetensorsFile(path)
        #expect(try file.bytes("t") == bytes(of: [1, 2]))
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: 20)
        try handle.close()
        fault(.inputOutput, "changed while it was being read", "x.safetensors") { try file.bytes("t") }
        fault(.inputOutput, "changed") { try file.checkUnchanged() }
    }

    #if os(Linux)
        @Test func fullDiskIsAFaultAndNotASilentShortFile() throws {
            let descriptor = open("/dev/full", O_WRONLY)
            defer { close(descriptor) }
            fault(.inputOutput, "writing failed", "free some space") {
                try [UInt8](repeating: 0, count: 8).withUnsafeBytes { try OutputFile.writeAll($0, to: descriptor, "x") }
            }
        }
    #endif
}
