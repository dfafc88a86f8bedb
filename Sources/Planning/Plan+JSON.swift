import JSONText

extension Plan {
    /// The document that `plan --json` prints.
    public var json: JSONValue {
        var object = JSONObject()
        let settings = subject.settings
        object["model"] = .string(settings.model)
        object["method"] = .string(settings.method.name)
        object["preset"] = .string(settings.preset.text)
        object["pattern"] = .string(settings.pattern.text)
        object["sparsity"] = .double(settings.sparsity.fraction)
        let checkpoint = subject.decoder.checkpoint
        object["weights"] = .object([
            "parameters": .integer(checkpoint.parameterCount), "read": .bool(checkpoint.hasWeights),
        ])
        object["calibration"] = .object([
            "samples": .integer(subject.samples), "sequence_length": .integer(subject.tokens),
            "read": .bool(subject.isCalibrated),
        ])
        object["output_bytes"] = .integer(outputBytes)
        object["weight_bytes"] = .integer(weightBytes)
        object["files"] = .array(
            output.files.map {
                .object(["name": .string($0.name), "bytes": .integer($0.bytes), "exact": .bool($0.isExact)])
            })
        object["staging_bytes"] = .integer(stagingBytes)
        object["offload_bytes"] = .integer(offloadBytes)
        object["memory_limit_bytes"] = .integer(memoryLimitBytes)
        object["peak_memory_bytes"] = .integer(peakMemoryBytes)
        var phases = JSONObject()
        for phase in memory.phases { phases[phase.name] = .integer(phase.bytes) }
        object["memory"] = .object(phases)
        if let peak = memory.devicePeak {
            object["peak_device_memory_bytes"] = .integer(peak.deviceBytes)
            var phases = JSONObject()
            for phase in memory.phases where phase.deviceBytes > 0 { phases[phase.name] = .integer(phase.deviceBytes) }
            object["device_memory"] = .object(phases)
        }
        if generationBytes > 0 { object["generation_read_bytes"] = .integer(generationBytes) }
        object["seconds"] = .double(seconds)
        var parts = JSONObject()
        for part in time.parts { parts[part.name] = .double(part.seconds) }
        object["time"] = .object(parts)
        object["operations"] = .double(operations)
        object["linears"] = .array(
            linears.map {
                .object([
                    "name": .string($0.name.rawValue), "count": .integer($0.count), "weights": .integer($0.weights),
                    "removed": .integer($0.removed),
                ])
            })
        object["layers"] = .array(layers)
        if let serving { object["opens_in"] = serving.json }
        object["warnings"] = .array(warnings.map(JSONValue.string))
        object["assumptions"] = .array(assumptions.map(JSONValue.string))
        return .object(object)
    }

    /// Blocks with the linears to prune and the weights that each loses.
    private var layers: [JSONValue] {
        subject.targets.goals.enumerated().compactMap { index, goals in
            guard !goals.isEmpty else { return nil }
            var removed = JSONObject()
            for name in linears.map(\.name) {
                guard let goal = goals[name] else { continue }
                removed[name.rawValue] = .integer(
                    subject.removed(subject.configuration.shape(of: name, layer: index), goal: goal))
            }
            return .object(["index": .integer(index), "removed": .object(removed)])
        }
    }
}
