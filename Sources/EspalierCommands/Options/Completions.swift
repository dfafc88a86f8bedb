import ArgumentParser
import Pruning
import Recipes
import Settings
import Tasks

/// What a shell offers after an option.
extension CompletionKind {
    /// A model: a folder, or a file. Shells offer folders among files.
    static var model: CompletionKind { .file() }

    /// Texts, records and token files.
    static var texts: CompletionKind { .file() }

    static func words<Word: OptionWord>(_ type: Word.Type) -> CompletionKind { .list(type.allCases.map(\.text)) }

    static var methods: CompletionKind { .list(MethodRegistry.standard.declared.all.map(\.name)) }

    /// The patterns that are named, and the K:M that hardware and papers use.
    static var patterns: CompletionKind {
        .list([PatternChoice.unstructured.text, PatternChoice.units.text, "2:4", "4:8", "1:4"])
    }

    static var devices: CompletionKind { .list([DeviceChoice.auto, .cpu, .cuda(0)].map(\.text)) }

    static var tasks: CompletionKind { .list(TaskCatalogue.names) }
}
