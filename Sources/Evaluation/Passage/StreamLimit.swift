import Decoders

extension EvaluationPassage {
    /// Bytes of hidden states that are held at a time where nothing else is asked: as many as the models take on the
    /// disk, so that reading them anew for each group costs little beside the work on it, and from 64 MiB to 1 GiB.
    static func streamBytes(of models: [Decoder]) -> Int {
        let weights = models.reduce(0) { $1.checkpoint.weightFiles.reduce($0) { $0 + $1.bytes } }
        return streamBytes(weightBytes: weights)
    }

    static func streamBytes(weightBytes: Int) -> Int { min(max(weightBytes, 1 << 26), 1 << 30) }
}
