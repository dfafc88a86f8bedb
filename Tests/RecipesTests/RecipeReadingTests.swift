import Faults
import Recipes
import Testing

/// The fault that reading this recipe gives.
func faultOfReading(_ yaml: String) -> Fault? {
    do throws(Fault) {
        _ = try PruneRecipe(yaml: yaml, file: "r.yaml")
        return nil
    } catch {
        return error
    }
}

/// A fixed stream of draws.
private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

@Suite("Reading a recipe")
struct RecipeReadingTests {
    @Test("every key is read into its field")
    func everyKey() throws {
        let recipe = try PruneRecipe(
            yaml: """
                version: 1
                model: {path: ./model}
                output:
                  path: "./out dir"
                  overwrite: true
                  shard_size: 2GiB
                  dtype: float16
                method: wanda++
                preset: paper
                sparsity: 50%
                pattern: 2:4
                allocate: uniform
                calibration:
                  sources: [a.txt, 'b@home.jsonl@2.5']
                  samples: 64
                  sequence_length: 512
                seed: 18446744073709551615
                regional: {alpha: 1e2, rounds: 3, round_samples: 16, learning_rate: 3e-7, gradient: false, optimizer: true}
                device: cuda:1
                dtype: bfloat16
                stream_dtype: float32
                threads: 2
                offload: /tmp/x
                targets: 'mlp\\.'
                ignore: ['layers\\.0\\.', down_proj]
                skip_layers: 0,-1
                """)
        #expect(recipe.model == "./model")
        #expect(recipe.output == "./out dir")
        #expect(recipe.overwrite == true)
        #expect(recipe.shardSize?.bytes == 2 << 30)
        #expect(recipe.outputDType == .float16)
        #expect(recipe.method == "wanda++")
        #expect(recipe.preset == .paper)
        #expect(recipe.sparsity?.fraction == 0.5)
        #expect(recipe.pattern == .keep(2, of: 4))
        #expect(recipe.allocation == .uniform)
        #expect(recipe.calibration == ["a.txt", "b@home.jsonl@2.5"])
        #expect(recipe.samples == 64)
        #expect(recipe.sequenceLength == 512)
        #expect(recipe.seed == .max)
        #expect(recipe.alpha == 100)
        #expect(recipe.rounds == 3)
        #expect(recipe.roundSamples == 16)
        #expect(recipe.learningRate == 3e-7)
        #expect(recipe.regionalGradient == false)
        #expect(recipe.regionalOptimizer == true)
        #expect(recipe.device == .cuda(1))
        #expect(recipe.dtype == .bfloat16)
        #expect(recipe.streamDType == .float32)
        #expect(recipe.threads == 2)
        #expect(recipe.offload == "/tmp/x")
        #expect(recipe.targets == ["mlp\\."])
        #expect(recipe.ignore == ["layers\\.0\\.", "down_proj"])
        #expect(recipe.skippedLayers?.numbers == [0, -1])
        #expect(try PruneRecipe(yaml: "version: 1\nskip_layers: -1").skippedLayers?.numbers == [-1])
    }

    @Test(
        "a recipe that is wrong is refused with its place",
        arguments: [
            ("version: 1\nsparsty: 0.5", "line 2, column 1", "did you mean sparsity?"),
            ("version: 1\ncalibration: {sample: 3}", "line 2, column 15", "did you mean calibration.samples?"),
            ("version: 1\nsamples: 3", "line 2, column 1", "did you mean calibration.samples?"),
            ("version: 1\nregional: {seed: 3}", "line 2, column 12", "did you mean seed?"),
            ("version: 1\nmetod: wanda", "line 2, column 1", "did you mean method?"),
            ("version: 1\nsparsity: 50", "line 2, column 11 (sparsity)", "did you mean 0.5?"),
            ("version: 1\nsparsity: 1.0", "line 2, column 11 (sparsity)", "1 would remove every weight; give less"),
            ("version: 1\npattern: 4:2", "line 2, column 10 (pattern)", "did you mean 2:4?"),
            ("version: 1\nseed: ~", "line 2, column 7 (seed)", "leave the key out"),
            (
                "version: 1\nmodel: {path: &a x}", "line 2, column 15",
                "write the value out, or put it in quotes if it begins with & or *"
            ),
            (
                "version: 1\nignore: [*a]", "line 2, column 10",
                "write the value out, or put it in quotes if it begins with & or *"
            ),
            ("version: 1\nmodel:\n\tpath: x", "line 3, column 1", "indent and separate with spaces"),
            ("version: 1\r\nseed:\t1", "line 2, column 6", "indent and separate with spaces"),
            ("version: 1\nmethod: !!str wanda", "line 2, column 9", "put the value in quotes if it begins with !"),
            ("version: 1\nmethod: |\n  wanda", "line 2, column 9", "write the text on one line, in quotes"),
            ("version: 1\noffload: \"a\n  b\"", "line 2, column 10", "close the quotes on the same line"),
            ("method: wanda", nil, "add a first line: version: 1"),
        ] as [(String, String?, String)])
    func wrongRecipe(yaml: String, place: String?, advice: String) throws {
        let fault = try #require(faultOfReading(yaml))
        #expect(fault.kind == .badRecipe)
        #expect(fault.file == "r.yaml")
        #expect(fault.place == place)
        #expect(fault.advice == advice)
    }

    @Test(
        "a value of the wrong type is refused with its place",
        arguments: [
            ("sparsity: nan", "line 2, column 11 (sparsity)"), ("sparsity: .nan", "line 2, column 11 (sparsity)"),
            ("sparsity: -0.1", "line 2, column 11 (sparsity)"), ("sparsity: [0.5]", "line 2, column 11 (sparsity)"),
            ("sparsity: 0x1p-1", "line 2, column 11 (sparsity)"), ("seed: -1", "line 2, column 7 (seed)"),
            ("seed: 010", "line 2, column 7 (seed)"), ("seed: 1.0", "line 2, column 7 (seed)"),
            ("seed: '1'", "line 2, column 7 (seed)"), ("threads: 1_000", "line 2, column 10 (threads)"),
            ("output: {overwrite: yes}", "line 2, column 21 (output.overwrite)"),
            ("output: out", "line 2, column 9 (output)"), ("model: {path: ''}", "line 2, column 15 (model.path)"),
            ("targets: {a: b}", "line 2, column 10 (targets)"), ("pattern: 0:4", "line 2, column 10 (pattern)"),
            ("pattern: 4:4", "line 2, column 10 (pattern)"), ("pattern: 33:65", "line 2, column 10 (pattern)"),
            ("regional: {alpha: .inf}", "line 2, column 19 (regional.alpha)"),
            ("device: gpu", "line 2, column 9 (device)"), ("version: 2", "line 2, column 10 (version)"),
            ("output: {shard_size: 0}", "line 2, column 22 (output.shard_size)"),
        ])
    func wrongType(line: String, place: String) throws {
        let prefix = line.hasPrefix("version") ? "# a comment\n" : "version: 1\n"
        let fault = try #require(faultOfReading(prefix + line))
        #expect(fault.kind == .badRecipe)
        #expect(fault.place == place)
        #expect(fault.found != nil)
        #expect(fault.expected != nil)
    }

    @Test("a duplicate key is refused with its place, quoted or not")
    func duplicateKey() throws {
        let fault = try #require(faultOfReading("version: 1\nseed: 1\n\"seed\": 2\n"))
        #expect(fault.kind == .badRecipe)
        #expect(fault.summary.contains("'seed'"))
        #expect(fault.place == "line 2, column 1")
    }

    @Test(
        "text that is no single YAML mapping is refused",
        arguments: [
            "", "# nothing\n", "- a", "version: 1\n---\nversion: 1", "version: [1", "a: b: c", "? [a]\n: 1", "\u{0}",
            "version: 1\n\u{2028}x: 1",
        ])
    func notARecipe(yaml: String) throws {
        #expect(try #require(faultOfReading(yaml)).kind == .badRecipe)
    }

    @Test("nesting a thousand deep ends in a fault, not in a crash")
    func deepNesting() throws {
        let fault = try #require(faultOfReading("version: 1\nmodel: " + String(repeating: "[", count: 100_000)))
        #expect(fault.kind == .badRecipe)
    }

    @Test("a recipe of more than 1 MiB is refused")
    func tooLarge() throws {
        let fault = try #require(faultOfReading("version: 1\n#" + String(repeating: "x", count: 1 << 20)))
        #expect(fault.found == "1048588 bytes")
    }

    @Test("random text ends in a recipe or a fault of its own kind, never in a crash")
    func hostileTexts() {
        let pieces = [
            "version: 1", "model", ": ", ":", "{", "}", "[", "]", "\n", "  ", "- ", "\"", "'", "\\x", "\\u12",
            "%YAML 9.9\n", "%TAG",
            "---", "...", "\u{1}", "\u{FEFF}", "\u{FFFF}", "🙂", "e\u{301}", "\u{85}", "~", "? ", "<<: ", "@", "`", "#",
            ",", "sparsity: ",
            "0.5", "calibration:\n  ", "sources: ", "\r", "seed: 1", "regional: ", "\u{D7FF}", "!!binary", "=",
        ]
        var generator = Generator(state: 11)
        var read = 0
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 0...12, using: &generator))
                .compactMap { _ in pieces.randomElement(using: &generator) }.joined()
            let fault = faultOfReading(Bool.random(using: &generator) ? "version: 1\n" + text : text)
            if let fault { #expect(fault.kind == .badRecipe) } else { read += 1 }
        }
        #expect(read > 10)
    }

    @Test("byte-order mark, CRLF and comments are tolerated")
    func tolerated() throws {
        let recipe = try PruneRecipe(
            yaml: "\u{FEFF}version: 1 # one\r\n# two * & !\r\nmethod: wanda\r\noffload: a#b&c*d\r\n")
        #expect(recipe.method == "wanda")
        #expect(recipe.offload == "a#b&c*d")
    }

    @Test("a recipe file that is not there is a missing input")
    func missingFile() {
        #expect(throws: Fault(.missingInput, "the recipe does not exist", file: "/nowhere/r.yaml")) {
            try PruneRecipe(contentsOf: "/nowhere/r.yaml")
        }
    }
}
