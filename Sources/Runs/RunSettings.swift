import Recipes
import Settings

/// What every run that publishes a model asks for, whatever it does to the blocks.
public struct RunSettings: Sendable, Equatable {
    public var shardSize: ByteSize
    public var outputDType: NumberFormat
    /// In which hidden states are kept.
    public var streamDType: NumberFormat
    /// Folder for the hidden states; nil keeps them in memory.
    public var offload: String?
    /// What may be held where there is a choice, by the process or on the GPU that computes; nil is half of what is
    /// free.
    public var memory: ByteSize?
    /// Tokens that go through a block together; nil is a processor's number.
    public var batchTokens: Int?
    /// The text of the published `recipe.yaml`, which the journal holds, too.
    public var recipe: String

    public init(
        shardSize: ByteSize = .fiveGigabytes, outputDType: NumberFormat = .auto, streamDType: NumberFormat = .float32,
        offload: String? = nil, memory: ByteSize? = nil, batchTokens: Int? = nil, recipe: String
    ) {
        self.shardSize = shardSize
        self.outputDType = outputDType
        self.streamDType = streamDType
        self.offload = offload
        self.memory = memory
        self.batchTokens = batchTokens
        self.recipe = recipe
    }
}

extension PruneSettings {
    /// What a prune run asks for as any other run does.
    var run: RunSettings {
        RunSettings(
            shardSize: shardSize, outputDType: outputDType, streamDType: streamDType, offload: offload,
            memory: memory, batchTokens: batchTokens, recipe: publishedRecipe)
    }

    /// The text of the published recipe: the output's name and how it is replaced are not part of what a run makes.
    /// Paths are named from the output's folder, from which the recipe and the journal are read again.
    package var publishedRecipe: String {
        var recipe = output.map { self.recipe().namingPaths(from: $0) } ?? self.recipe()
        recipe.output = nil
        recipe.overwrite = nil
        return recipe.yaml()
    }
}
