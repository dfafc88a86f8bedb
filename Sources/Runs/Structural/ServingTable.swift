import Decoders
import JSONText
import Recipes

/// Where a model opens whose whole units were removed, and by which command: with layers that are alike, and with
/// layers that differ.
public struct ServingTable: Sendable {
    public struct Entry: Equatable, Sendable {
        public let engine: ServingEngine
        public let layout: ServingLayout
        /// Why it does not open there; nil where it does.
        public let obstacle: String?
        /// What the layout cannot hold, and what is done about it.
        public let limits: [String]
    }

    public struct Row: Equatable, Sendable {
        /// Whether all layers have the same shape.
        public let isUniform: Bool
        /// Whether it is what the run makes.
        public let isChosen: Bool
        public let entries: [Entry]
    }

    /// Layers that are alike at first.
    public let rows: [Row]

    /// - Parameters:
    ///   - configuration: of the model, with the shapes of the run's result where they are known.
    ///   - isUniform: what the run makes.
    ///   - engines: those that the run is for.
    package init(_ configuration: DecoderConfiguration, isUniform chosen: Bool, engines: ServingEngines?) {
        let asked = engines?.engines ?? []
        rows = [true, false].map { isUniform in
            Row(
                isUniform: isUniform, isChosen: isUniform == chosen,
                entries: ServingEngine.allCases.map { engine in
                    Entry(
                        engine: engine, layout: engine.layout(isUniform: isUniform),
                        obstacle: engine.refusal(of: configuration, isUniform: isUniform)?.reason,
                        limits: engine.limits(isUniform: isUniform, isAsked: asked.contains(engine)))
                })
        }
    }

    public var json: JSONValue {
        .array(
            rows.map { row in
                .object([
                    "layers": .string(row.isUniform ? "alike" : "different"), "chosen": .bool(row.isChosen),
                    "engines": .array(
                        row.entries.map { entry in
                            .object([
                                "engine": .string(entry.engine.text), "layout": .string(entry.layout.text),
                                "opens": .bool(entry.obstacle == nil),
                                "obstacle": entry.obstacle.map { .string($0) } ?? .null,
                                "limits": .array(entry.limits.map { .string($0) }),
                            ])
                        }),
                ])
            })
    }
}

extension ServingTable.Row {
    /// "--uniform, layers alike"
    public var title: String {
        (isUniform ? "layers alike (--uniform)" : "layers that differ") + (isChosen ? ", this run" : "")
    }

    /// Engines by the command that makes what they open, then those that do not open it.
    public var text: String {
        var parts: [String] = []
        for layout in ServingLayout.allCases {
            let engines = entries.filter { $0.layout == layout && $0.obstacle == nil }.map(\.engine.text)
            guard !engines.isEmpty else { continue }
            let command = layout == .plain ? "as it is" : "export --to \(layout.text)"
            parts.append("\(engines.joined(separator: ", ")): \(command)")
        }
        if !isUniform { parts.append("all: export --to padded, which saves nothing") }
        let others = entries.filter { $0.obstacle != nil }.map(\.engine.text)
        if !others.isEmpty { parts.append("else not in \(others.joined(separator: ", "))") }
        return parts.joined(separator: "; ")
    }
}
