import Checkpoints
import Files
import Foundation
import TestSupport

@testable import Publishing

/// A place for an output, and a folder around it.
struct PublishingBench {
    let folder: TemporaryFolder
    let place: OutputPlace

    init() throws {
        folder = try TemporaryFolder()
        place = OutputPlace(folder.path("out"))
    }
}

/// Tests of outputs that are begun, interrupted and published.
protocol PublishingSuite {
    var bench: PublishingBench { get }
}

extension PublishingSuite {
    var folder: TemporaryFolder { bench.folder }
    var place: OutputPlace { bench.place }
    var tensor: TensorDescription { TensorDescription(name: "a", shape: [2], type: .f32) }

    func begin(_ place: OutputPlace? = nil) throws -> StagingFolder {
        try StagingFolder.begin(place ?? self.place, inputs: [], bytes: 0)
    }

    /// What a model has at least.
    func files(_ staging: StagingFolder) throws -> [FileDigest] {
        [
            try staging.write("config.json", Array(#"{"model_type":"llama"}"#.utf8)),
            try staging.writeShard("model.safetensors", [(tensor, bytes(of: [1, 2]))]),
        ]
    }

    /// A published folder with one shard of weights.
    func publish(_ place: OutputPlace? = nil) throws {
        let staging = try begin(place)
        try staging.publish(try files(staging))
    }

    /// Publishes, and gives a copy of the folder as it was before its last name.
    func publishKeeping(_ name: String) throws {
        let staging = try begin()
        try staging.publish(try files(staging)) {
            try? FileManager.default.copyItem(atPath: staging.path, toPath: folder.path(name))
        }
    }

    /// A run that was interrupted after its first journal line.
    func interrupt() throws {
        let staging = try begin()
        try staging.write("config.json", [1])
        try Journal(staging.path(of: Journal.fileName)).append(.integer(1))
    }
}
