import Calibration
import Checkpoints
import Decoders
import Faults
import JSONText
import Tokenization
import Torch

/// A model opened for a verb: its headers are read and hold together, its weights are on the disk, or nowhere for a
/// verb that does not need them.
public struct OpenedModel {
    /// The model without weights in memory: each block is read when it is asked for.
    public let decoder: Decoder
    /// The checkpoint's warnings and what was noticed on opening.
    public let warnings: [String]

    /// What the files say of the tokenizer. A fault waits until a verb asks for it: many need no tokenizer.
    private let tokenizerFiles: Result<FolderTokenizer?, Fault>

    /// Where the weights are.
    public var checkpoint: Checkpoint { decoder.checkpoint }
    /// Family and shapes.
    public var configuration: DecoderConfiguration { decoder.configuration }

    /// - Parameters:
    ///   - path: a Hugging Face folder or a GGUF file.
    ///   - device: where the blocks are computed.
    ///   - needsWeights: whether a folder with `config.json` and no weights is refused.
    /// - Throws: what `Checkpoint.open` and `Decoder` throw.
    public init(_ path: String, device: Device = .cpu, needsWeights: Bool = true) throws(Fault) {
        let checkpoint = needsWeights ? try Checkpoint.open(path) : try Checkpoint.openOrDescribe(path)
        let decoder = try Decoder(checkpoint, device: device)
        self.decoder = decoder
        let expected = Set(decoder.expectedTensors.map(\.name))
        let unexpected = decoder.checkpoint.tensors.map(\.name).filter { !expected.contains($0) }
        var warnings = decoder.checkpoint.warnings + decoder.notes
        if !unexpected.isEmpty {
            let shown =
                unexpected.prefix(5).map { LegibleText.of($0, limit: 100) }.joined(separator: ", ")
                + (unexpected.count > 5 ? ", and \(unexpected.count - 5) more" : "")
            warnings.append(
                "\(path): \(Amount.count(unexpected.count, "tensor")) that the model does not use: \(shown)")
        }
        do throws(Fault) {
            let files = try checkpoint.tokenizer()
            tokenizerFiles = .success(files)
            warnings += files?.warnings ?? []
        } catch { tokenizerFiles = .failure(error) }
        self.warnings = warnings
    }

    /// Whether files tell a tokenizer, in a form that is read.
    var hasTokenizer: Bool { (try? tokenizerFiles.get()) != nil }

    /// The model's tokenizer.
    ///
    /// - Throws: `missingInput` without one, `badData` when it is not supported or has ids that the model lacks.
    public func tokenizer() throws(Fault) -> Tokenizer {
        guard let files = try tokenizerFiles.get() else {
            let isFile = checkpoint.format == .gguf
            throw Fault(
                .missingInput, "the model has no tokenizer",
                file: isFile ? checkpoint.path : checkpoint.path + "/tokenizer.json",
                expected: isFile
                    ? "a GGUF file with the key 'tokenizer.ggml.model'"
                    : "tokenizer.json, vocab.json with merges.txt, or tokenizer.model beside the weights",
                advice: isFile
                    ? "use a GGUF file that holds its vocabulary, or give token files"
                    : "copy the tokenizer of the model that this one was made from, or give token files")
        }
        let tokenizer: Tokenizer
        do throws(Fault) {
            tokenizer = try files.tokenizer()
            try tokenizer.check(embeddingRows: configuration.vocabularySize)
        } catch { throw error.inFile(files.file) }
        return tokenizer
    }

    /// The tokenizer for what does without one, too; nil where there is none, and where it cannot be used, which is
    /// told.
    ///
    /// - Parameter consequence: what is then done or left undone.
    func tokenizerIfUsable(_ reporter: any Reporter, otherwise consequence: String) -> Tokenizer? {
        do throws(Fault) { return try tokenizer() } catch {
            if error.kind != .missingInput {
                reporter.warning("\(OpenedModel.unusableTokenizer(error)); \(consequence)")
            }
            return nil
        }
    }

    /// A fault of the tokenizer as the warning that it is to what does without one.
    static func unusableTokenizer(_ fault: Fault) -> String {
        (fault.file.map { "\($0): " } ?? "") + "the tokenizer cannot be used: \(fault.summary)"
            + (fault.found.map { ": \($0)" } ?? "")
    }
}

extension OpenedModel {
    /// What the model's files offer for conversations.
    ///
    /// - Throws: `badData` when `tokenizer_config.json` is not JSON, `inputOutput` when a file cannot be read.
    func chatTemplate() throws(Fault) -> ChatTemplate.Choice {
        func bytes(_ name: String) throws(Fault) -> [UInt8]? {
            try checkpoint.sideFiles.first { $0.name == name }.map { (file) throws(Fault) in try file.bytes() }
        }
        let json = try bytes("tokenizer_config.json").map { (bytes) throws(Fault) in try JSONValue(parsing: bytes) }
        return ChatTemplate.recognise(
            tokenizerConfiguration: json,
            templateFile: try bytes("chat_template.jinja").map { String(decoding: $0, as: UTF8.self) })
    }
}
