import Checkpoints
import Decoders
import Faults
import Pruning
import Recipes
import Runs
import Torch

/// What a run would make and take, before it does anything.
public struct Plan {
    public let subject: PlanSubject
    let output: PlanOutput
    let memory: PlanMemory
    let time: PlanTime
    /// What the run may hold where there is a choice, if it began now: of the GPU's memory when it computes there, else
    /// of the process's.
    public let memoryLimitBytes: Int
    /// Floating-point operations of the matrix products.
    public let operations: Double
    /// By kind of linear: how many are pruned, their weights, and how many of them are removed.
    public let linears: [(name: LinearName, count: Int, weights: Int, removed: Int)]
    public let warnings: [String]
    /// Where what the run makes opens; nil where no whole units are removed.
    public let serving: ServingTable?
    public let assumptions: [String]

    /// Reads a block, or makes one of random weights where the model's are not there, and measures for a few seconds.
    ///
    /// - Throws: `Fault` when weights that are there or a side file cannot be read.
    public init(_ subject: PlanSubject) throws(Fault) {
        try self.init(subject, weightsAtMost: PlanSpecimen.weightsAtMost)
    }

    /// - Parameter weightsAtMost: of a block of random weights; a larger one is measured narrower and scaled.
    init(_ subject: PlanSubject, weightsAtMost: Int) throws(Fault) {
        self.subject = subject
        // What the run would refuse is not planned.
        if let structure = subject.settings.structure {
            try subject.settings.checkStructure(BudgetMeasure(budget: structure.budget, files: subject.files))
        }
        if let structure = subject.settings.structure, subject.samples > 1 {
            let searched = SearchSplit.searched(of: subject.samples).count
            _ = try SearchOptions(structure, searched: searched, tokens: subject.tokens)
        }
        let work = PlanWork(subject)
        let base = PlanBase.measure(subject.decoder.device)
        let measurement = try PlanMeasurement(subject, work: work, weightsAtMost: weightsAtMost)
        output = try PlanOutput(subject)
        let device = subject.decoder.device
        let deviceLimit = device == .cpu ? nil : MemoryLimit(subject.settings.memory, device: device)
        memory = PlanMemory(subject, work: work, base: base, deviceLeft: deviceLimit?.left)
        memoryLimitBytes = deviceLimit?.bytes ?? memory.processLimit
        time = PlanTime(subject, work: work, measurement: measurement, outputBytes: output.bytes)
        operations = PlanOperations(subject, work: work).total
        linears = Plan.linears(subject)
        warnings = subject.warnings
        serving = subject.settings.structure.map {
            ServingTable(subject.configuration, isUniform: $0.isUniform, engines: $0.engines)
        }
        assumptions = Plan.assumptions(subject, specimen: measurement.specimen)
    }

    /// Bytes of the published folder; exact but for the three small files that hold results.
    public var outputBytes: Int { output.bytes }
    /// Bytes of its weight files, exact as long as no value overflows float16.
    public var weightBytes: Int { output.weightBytes }
    public var stagingBytes: Int { output.stagingBytes }
    public var offloadBytes: Int { subject.settings.offload == nil ? 0 : memory.offloadBytes }
    public var peakMemoryBytes: Int { memory.peak.bytes }
    /// When that peak is reached.
    public var peakPhase: String { memory.peak.name }
    /// The most that tensors take on the GPU, and when; nil without one. The driver's own context comes on top.
    public var peakDeviceMemory: (bytes: Int, phase: String)? { memory.devicePeak.map { ($0.deviceBytes, $0.name) } }
    /// About what a generation of the search reads from the disk; 0 without a search.
    public var generationBytes: Int { memory.generationBytes }
    public var seconds: Double { time.total }
    public var timeParts: [(name: String, seconds: Double)] { time.parts }

    private static func linears(
        _ subject: PlanSubject
    ) -> [(name: LinearName, count: Int, weights: Int, removed: Int)] {
        subject.configuration.linears.compactMap { name in
            var (count, weights, removed) = (0, 0, 0)
            for (layer, goals) in subject.targets.goals.enumerated() {
                guard let goal = goals[name] else { continue }
                let shape = subject.configuration.shape(of: name, layer: layer)
                count += 1
                weights += shape.out * shape.in
                removed += subject.removed(shape, goal: goal)
            }
            return count > 0 ? (name, count, weights, removed) : nil
        }
    }

    private static func assumptions(_ subject: PlanSubject, specimen: PlanSpecimen) -> [String] {
        var list: [String] = []
        let checkpoint = subject.decoder.checkpoint
        if !checkpoint.hasWeights {
            let type = checkpoint.weightType.configurationName ?? checkpoint.weightType.rawValue
            list.append(
                "there are no weights: names, shapes and data type (\(type)) of the \(checkpoint.tensors.count) "
                    + "tensors "
                    + "are those of config.json")
            list.append("missing files of the model, such as its tokenizer, are not counted")
        }
        if subject.samples > 0, !subject.isCalibrated {
            list.append(
                "no calibration text was read: \(subject.samples) samples of \(subject.tokens) tokens are assumed")
        }
        if subject.settings.calibration.contains(where: OwnText.isOwn) {
            list.append("the time for writing calibration text with the model is not included")
        }
        if subject.types.mayOverflow {
            list.append("weights are assumed to fit into float16; a tensor that does not is written as float32")
        }
        if subject.settings.allocation == .owl {
            list.append("removed weights are those of a uniform allocation; owl moves them between layers")
        }
        if subject.settings.leavesLinearsDense {
            list.append(
                "a search chooses the linear layers that stay dense; each is shown with its share of what all lose")
        } else if subject.settings.allocation == .search {
            list.append(
                "removed weights are those of a uniform allocation; the search moves them between linear layers")
        }
        if subject.settings.method.removes == .units {
            list.append(
                "the search shares the removal among layers, attention and MLP; sizes are for the sum")
            if let structure = subject.settings.structure { list += Plan.widths(structure, subject.configuration) }
        }
        list += keptStates(subject)
        list.append(
            "time is extrapolated from \(specimen.words) on this machine with \(Engine.threads) "
                + "thread\(Engine.threads == 1 ? "" : "s") and no other load")
        return list
    }
}

extension Plan {
    /// Which MLP widths there will be, and what they are not good for.
    private static func widths(
        _ structure: PruneSettings.StructuralSettings, _ configuration: DecoderConfiguration
    ) -> [String] {
        let granularity = structure.granularity(for: configuration)
        var list = ["MLPs that do not stay whole keep a multiple of \(granularity) neurons"]
        let multiple = StructuralWidths.multiple
        let whole = Set(configuration.layers.map(\.intermediateSize)).filter { !$0.isMultiple(of: multiple) }.sorted()
        if !granularity.isMultiple(of: multiple) || !whole.isEmpty {
            list.append(
                "widths that are no multiple of \(multiple) take a kernel as long as the next one that is: what is "
                    + "removed below it makes a model smaller, not faster"
                    + (whole.isEmpty
                        ? "" : " (the model's own: \(whole.map(String.init).joined(separator: ", ")))"))
        }
        return list
    }
}

/// Where the options for hidden states do not hold.
private func keptStates(_ subject: PlanSubject) -> [String] {
    let settings = subject.settings
    guard subject.samples > 1 else { return [] }
    var list: [String] = []
    let whatever = "regardless of --offload and --stream-dtype"
    if settings.method.removes == .units {
        let size = settings.memory.map { "the \($0.text) of --memory" } ?? "half of the free memory"
        list.append(
            "the search needs one block at a time; blocks stay and distributions are measured together as far as "
                + "\(size) allow\(settings.memory == nil ? "s" : "")")
    }
    if let states = subject.action.keptStates, settings.offload != nil || settings.streamDType != .float32 {
        list.append("\(states), stay in memory as float32, \(whatever)")
    }
    let isAssessed = settings.allocation == .search || settings.structure.map { !$0.isUniform } ?? false
    if isAssessed, settings.streamDType != .bfloat16 {
        list.append(
            "the cost of each linear layer is measured on hidden states of all blocks as bfloat16, regardless of "
                + "--stream-dtype"
        )
    }
    return list
}

extension PlanSubject {
    /// Weights that a linear loses, by the method's comparison groups. Where a search will say which linears stay dense,
    /// each loses its share of what all do.
    func removed(_ shape: (out: Int, in: Int), goal: Goal) -> Int {
        if settings.leavesLinearsDense { return settings.sparsity.removed(of: shape.out * shape.in) }
        return ZeroDemand(goal, group: action.group, rows: shape.out, columns: shape.in).total
    }
}

extension OutputTypes {
    /// Whether values are narrowed to a type that cannot hold all of them.
    var mayOverflow: Bool { configurationName == "float16" }
}
