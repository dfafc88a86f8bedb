import Calibration
import Faults
import JSONText
import Pruning
import Recipes
import Settings
import Tasks
import Tokenization

/// Readers of texts: tokenizers, settings, tasks.
nonisolated(unsafe) let textTargets: [FuzzTarget] = [
    FuzzTarget("json", .json) { bytes, _ in
        let value = try JSONValue(parsing: bytes)
        let text = value.text()
        let again = try? JSONValue(parsing: text)
        precondition(again?.text() == text, "what was written is read as something else")
    },
    FuzzTarget("tokenizer", .json) { bytes, _ in
        let tokenizer = try Tokenizer(parsing: bytes)
        for text in ["Hello  world, it's 42!", "<s> a\u{0301}é 漢字 \n\t</s> aaaaaaaaaaaaaaaaaaaaaaaa", ""] {
            let ids = tokenizer.encode(text, addSpecialTokens: true)
            _ = tokenizer.decode(ids, skipSpecialTokens: false)
            var stream = tokenizer.makeStreamingDecoder(skipSpecialTokens: true)
            for id in ids { _ = stream.append(id) }
        }
        _ = tokenizer.decode([-1, Int32.max, 0, 1], skipSpecialTokens: true)
    },
    FuzzTarget("encoding", .bytes) { bytes, scratch in
        let tokenizer = sharedTokenizer(scratch)
        let text = String(decoding: bytes, as: UTF8.self)
        let ids = tokenizer.encode(text, addSpecialTokens: false)
        precondition(
            tokenizer.decode(ids, skipSpecialTokens: false).utf8.elementsEqual(text.utf8), "a byte-level text changed")
    },
    FuzzTarget("recipe", .yaml) { bytes, scratch in
        let recipe = try PruneRecipe(contentsOf: scratch.write("recipe.yaml", bytes))
        _ = try recipe.resolved()
    },
    FuzzTarget("task", .yaml) { bytes, scratch in
        _ = try TaskFile.read(scratch.folder("task", from: "Base/task", with: "task.yaml", bytes) + "/task.yaml")
    },
    FuzzTarget("values", .bytes, longest: 200) { bytes, _ in
        let text = String(decoding: bytes, as: UTF8.self)
        var faults: [Fault] = []
        func attempt(_ body: () throws(Fault) -> Void) { do { try body() } catch { faults.append(error) } }
        attempt { () throws(Fault) in _ = try ByteSize(parsing: text) }
        attempt { () throws(Fault) in _ = try SelectionStages(parsing: text) }
        attempt { () throws(Fault) in _ = try Sparsity(parsing: text) }
        attempt { () throws(Fault) in _ = try PatternChoice(parsing: text) }
        attempt { () throws(Fault) in _ = try DeviceChoice(parsing: text) }
        attempt { () throws(Fault) in _ = try CalibrationSource(parsing: text) }
        faults.forEach(FuzzTarget.check)
    },
]

nonisolated(unsafe) private var tokenizer: Tokenizer?

/// The base model's.
func sharedTokenizer(_ scratch: Scratch) -> Tokenizer {
    if let tokenizer { return tokenizer }
    let folder = scratch.folder("encoding", from: "Base/model")
    guard let made = try? Tokenizer(parsing: InputBytes.of(folder + "/tokenizer.json")) else {
        fatalError("the base model's tokenizer cannot be read")
    }
    tokenizer = made
    return made
}
