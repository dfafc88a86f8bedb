import Files
import Testing

@testable import Checkpoints

struct HubNameTests {
    @Test(
        "names of models on a hub are told from paths",
        arguments: [
            ("Qwen/Qwen2.5-7B-Instruct", "Qwen2.5-7B-Instruct"), ("a/b/", "b"),
            ("https://host.example/Qwen/Qwen2.5-7B/tree/main", "Qwen2.5-7B"),
            ("./Qwen/Qwen2.5", nil), ("../a/b", nil), ("/a/b", nil), ("~/models/b", nil), ("a/b/c", nil),
            ("model", nil),
            ("models/b.gguf", nil), ("models/b.safetensors", nil), ("a b/c", nil), ("a/b'c", nil), ("", nil),
            ("/", nil),
        ] as [(String, String?)])
    func names(path: String, name: String?) { #expect(HubName(path)?.name == name) }

    @Test("a path into a folder that is there is a path")
    func folders() throws {
        // There in the working directory of the tests, wherever that is.
        #expect((HubName("Sources/Qwen2.5") == nil) == (FileSystem.kind("Sources") != nil))
        #expect(
            HubName.advice("Owner-Nobody/x")
                == "download it, then pass its folder: hf download Owner-Nobody/x --local-dir x")
        #expect(HubName.advice("nowhere") == "check the path")
    }
}
