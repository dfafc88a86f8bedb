import Faults
import Recipes
import Settings
import Testing

@Suite("Values of options")
struct OptionValueTests {
    @Test("a sparsity is a fraction or a percentage")
    func sparsity() throws {
        #expect(try Sparsity(parsing: "0.5").fraction == 0.5)
        #expect(try Sparsity(parsing: "62.5%").fraction == 0.625)
        #expect(try Sparsity(parsing: "0").fraction == 0)
        for text in ["", "%", "half", "0,5", "1", "100%", "-1%", "5e", "inf", "0x1", " 0.5"] {
            #expect(throws: Fault.self) { try Sparsity(parsing: text) }
        }
        #expect(throws: Fault.self) { try Sparsity(.nan) }
    }

    @Test("selection stages keep fewer on more tokens, and one in the end")
    func selection() throws {
        let stages = try SelectionStages(parsing: "16:2048,4:16384,1:131072")
        #expect(stages.stages.map(\.survivors) == [16, 4, 1] && stages.stages.map(\.tokens) == [2048, 16384, 131072])
        #expect(stages.text == "16:2048,4:16384,1:131072")
        for text in ["", "4", "4:0,1:5", "4:8", "4:8,1:4", "4:8,4:9,1:10", "1:8,", "a:8", "0:8", "4:8;1:9", "-4:8,1:9"]
        {
            #expect(throws: Fault.self, "\(text)") { try SelectionStages(parsing: text) }
        }
    }

    @Test("layers are counted from 0 on, or from the end")
    func layers() throws {
        let list = try LayerList(parsing: "0,2,-1")
        #expect(list.text == "0,2,-1")
        #expect(try list.layers(of: 4) == [0, 2, 3])
        #expect(try LayerList(parsing: "-1").layers(of: 1) == [0])
        for text in ["", ",", "0,", "a", "1-3", "-0", "01", "+1", "1.0", "--1", "0 1", "99999999999999999999"] {
            #expect(throws: Fault.self, "\(text)") { try LayerList(parsing: text) }
        }
        for text in ["3", "-4"] {
            let found = #expect(throws: Fault.self) { try LayerList(parsing: text).layers(of: 3) }
            #expect(found?.found == text && found?.expected == "a number from -3 to 2")
        }
    }

    @Test("engines are known words, each once")
    func engines() throws {
        let engines = try ServingEngines(parsing: "vllm,mlx,vllm")
        #expect(engines.engines == [.vllm, .mlx] && engines.text == "vllm,mlx")
        #expect(engines.widthMultiple(isUniform: true) == 128 && engines.widthMultiple(isUniform: false) == 256)
        #expect(try ServingEngines(parsing: "llama.cpp,transformers").widthMultiple(isUniform: false) == 32)
        #expect(try ServingEngines(parsing: "sglang").engines[0].layout(isUniform: false) == .deci)
        for text in ["", "vllm,", "ollama", "vllm, mlx"] {
            #expect(throws: Fault.self) { try ServingEngines(parsing: text) }
        }
    }

    @Test("the count to remove is the floor of the true product")
    func removedCount() throws {
        #expect(try Sparsity(0.29).removed(of: 100) == 29)
        #expect(try Sparsity(0.7).removed(of: 10) == 7)
        #expect(try Sparsity(0.5).removed(of: 5) == 2)
        #expect(try Sparsity(1.0 / 3).removed(of: 3) == 1)
        #expect(try Sparsity(0).removed(of: 9) == 0)
        #expect(try Sparsity(0.999).removed(of: 1) == 0)
    }

    @Test("the count to remove matches exact integer arithmetic for every percentage")
    func removedMatchesIntegers() throws {
        for percent in 0..<100 {
            for count in [1, 7, 49, 100, 576, 1536, 4096, 11008] {
                #expect(try Sparsity(parsing: "\(percent)%").removed(of: count) == percent * count / 100)
            }
        }
    }

    @Test("texts read back to the same value")
    func textsRoundTrip() throws {
        for text in ["unstructured", "2:4", "4:8", "1:64"] {
            #expect(try Pattern(parsing: text).text == text)
            #expect(try PatternChoice(parsing: text) == .zeros(Pattern(parsing: text)))
        }
        #expect(try PatternChoice(parsing: "structured") == .units && PatternChoice.units.text == "structured")
        #expect(throws: Fault.self) { try Pattern(parsing: "structured") }
        for text in ["auto", "cpu", "cuda:0", "cuda:3"] { #expect(try DeviceChoice(parsing: text).text == text) }
        for text in ["5GB", "2GiB", "1KB", "12345"] { #expect(try ByteSize(parsing: text).text == text) }
        for text in ["9223372036854775807GB", "GB", "-1MB", "1.5GB"] {
            #expect(throws: Fault.self) { try ByteSize(parsing: text) }
        }
    }
}
