import ArgumentParser
import Testing

@testable import EspalierCommands
@testable import EspalierKit

struct CommandLineTests {
    private func exitCode(_ arguments: [String]) -> Int32? {
        do {
            _ = try Espalier.parseAsRoot(arguments)
            return nil
        } catch { return Espalier.exitCode(for: error).rawValue }
    }

    private func message(_ arguments: [String]) -> String {
        do {
            _ = try Espalier.parseAsRoot(arguments)
            return ""
        } catch { return Espalier.fullMessage(for: error) }
    }

    @Test func everyVerbExplainsItselfWithExamples() {
        let verbs = Espalier.configuration.subcommands
        #expect(verbs.count >= 4)
        for verb in verbs {
            let name = verb.configuration.commandName ?? verb._commandName
            let help = Espalier.helpMessage(for: verb, columns: 100)
            #expect(help.contains("EXAMPLES\n"), "\(name)")
            #expect(help.contains("  espalier \(name) "), "\(name)")
            #expect(!verb.configuration.abstract.isEmpty, "\(name)")
        }
        let root = Espalier.helpMessage(columns: 100)
        #expect(root.contains("EXAMPLES") && root.contains("66 missing input"))
    }

    @Test(arguments: [
        ["--bogus"], ["bogus"], ["evaluate"], ["evaluate", "m"], ["evaluate", "m", "--text", "t", "--context", "1"],
        ["evaluate", "m", "--tokens", "t", "--context", "8"], ["evaluate", "m", "--text", "t", "--windows", "0"],
        ["evaluate", "m", "--text", "t", "--device", "tpu"], ["evaluate", "m", "--text", "t", "--dtype", "int8"],
        ["evaluate", "m", "--text", "t", "--threads", "0"], ["evaluate", "m", "--text", "t", "--quiet", "--verbose"],
        ["evaluate", "m", "--tasks", "piqa"], ["evaluate", "m", "--tasks", ",", "--task-data", "d"],
        ["evaluate", "m", "--text", "t", "--limit", "5"], ["evaluate", "m", "--text", "t", "--num-fewshot", "1"],
        ["evaluate", "m", "--text", "t", "--task-data", "d"], ["evaluate", "m", "--text", "t", "--samples", "s"],
        ["evaluate", "m", "--tasks", "piqa", "--task-data", "d", "--limit", "0"],
        ["evaluate", "m", "--tasks", "piqa", "--task-data", "d", "--num-fewshot", "-1"],
        ["evaluate", "m", "--tasks", "piqa", "--task-data", "d", "--windows", "3"],
        ["evaluate", "m", "--tasks", "piqa", "--task-data", "d", "--context", "30"],
        ["generate", "m"], ["generate", "m", "--prompt", "p", "--temperature", "-1"],
        ["generate", "m", "--prompt", "p", "--temperature", "nan"], ["generate", "m", "--prompt", "p", "--seed", "1"],
        ["generate", "m", "--prompt", "p", "--temperature", "1", "--top-p", "0"],
        ["generate", "m", "--prompt", "p", "--max-tokens", "-1"], ["inspect"], ["inspect", "m", "--device", "cpu"],
        ["verify"], ["benchmark"], ["benchmark", "m", "--batch", "0"], ["benchmark", "m", "--new-tokens", "1"],
        ["benchmark", "m", "--one-at-a-time"], ["evaluate", "m", "--text", "t", "--beyond-context"],
    ])
    func wordsThatDoNotFitTogetherAreAUsageError(_ arguments: [String]) {
        #expect(exitCode(arguments) == 64)
    }

    @Test(arguments: [
        ["evaluate", "m", "--text", "t"],
        ["evaluate", "m", "--tokens", "a", "--tokens", "b", "--against", "d", "--json"],
        ["evaluate", "m", "--text", "t", "--device", "cuda:1", "--dtype", "float16", "--threads", "2", "-v"],
        ["evaluate", "m", "--tasks", "hellaswag,arc_easy", "--task-data", "sets", "--limit", "200"],
        ["evaluate", "m", "--tasks", "mmlu", "--task-data", "sets", "--num-fewshot", "5", "--json"],
        ["evaluate", "m", "--task-file", "t.yaml", "--samples", "samples.jsonl"],
        ["generate", "m", "--prompt", ""], ["inspect", "m", "--no-weights"], ["verify", "d", "--quiet"],
        ["benchmark", "m", "--against", "d", "--prompt", "8", "--prompt", "9", "--batch", "2", "--one-at-a-time"],
    ])
    func whatTheHelpShowsIsAccepted(_ arguments: [String]) {
        #expect(exitCode(arguments) == nil)
    }

    @Test func theMessageSaysWhatIsAllowed() {
        #expect(
            message(["evaluate", "m", "--text", "t", "--device", "tpu"]).contains(
                "unknown device; expected auto, cpu, cuda or cuda:N"))
        #expect(message(["evaluate", "m"]).contains("give --text FILE or --tokens FILE"))
    }

    /// As the terminal shows it.
    private func told(_ arguments: [String]) -> String { ParserMessage.fault(message(arguments)).description }

    @Test func whatTheParserRefusesReadsAsEveryOtherError() {
        #expect(
            told(["inspect"]) == """
                missing expected argument '<model>'
                  expected: <model> The model: a Hugging Face folder or a .gguf file.
                  try: `espalier inspect --help` explains it
                """)
        #expect(
            told(["inspect", "m", "--jso"]) == """
                unknown option '--jso'
                  try: did you mean '--json'? `espalier inspect --help` explains it
                """)
        #expect(
            told(["evaluate", "m", "--text", "t", "--threads", "0"]) == """
                --threads must be between 1 and 4096, not 0
                  try: `espalier evaluate --help` explains it
                """)
        #expect(told(["bogus"]).hasPrefix("unexpected argument 'bogus'\n  try: `espalier --help` explains it"))
        // Of a value with a suggestion: one mark at the end, not two.
        let method = told(["prune", "m", "--method", "wandaa"])
        #expect(method.hasPrefix("the value 'wandaa' is invalid for '--method <method>': unknown method; expected "))
        #expect(method.contains("\n  try: did you mean wanda? `espalier prune --help` explains it"))
        for words in [["prune", "m", "--pattern", "2;4"], ["prune", "m", "--dtype", "float33"], ["gate"]] {
            let text = told(words)
            #expect(!text.contains("Error:") && !text.contains("Usage:") && !text.contains("?."), "\(text)")
        }
    }

    @Test func everyVerbWithAnOutputTakesItsShortForm() throws {
        #expect(try BenchmarkCommand.parse(["m", "-o", "f"]).output == "f")
        #expect(try Evaluate.parse(["m", "--text", "t", "-o", "f"]).output == "f")
        #expect(try GateCommand.parse(["r", "--rules", "y", "-o", "f"]).output == "f")
        #expect(try ReportCommand.parse(["d", "-o", "f"]).output == "f")
        #expect(try Prune.parse(["m", "-o", "f"]).request.output == "f")
        #expect(try PlanCommand.parse(["m", "-o", "f"]).request.output == "f")
        for verb in Espalier.configuration.subcommands {
            let help = Espalier.helpMessage(for: verb, columns: 100)
            #expect(help.contains("--output <") == help.contains("-o, --output <"), "\(verb)")
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionsOfferTheValues(_ shell: String) throws {
        let script = Espalier.completionScript(for: try #require(CompletionShell(rawValue: shell)))
        for word in [
            "sparsegpt", "wanda++", "unstructured", "2:4", "bfloat16", "kv-cache", "owl", "quick", "llama.cpp",
            "hellaswag",
            "canary", "cuda:0", "paper",
        ] {
            #expect(script.contains(word), "\(word)")
        }
        #expect(script.contains("safetensors") && script.contains("yaml"))
    }

    @Test func versionAndHelpAreNoErrors() {
        #expect(exitCode(["--version"]) == 0)
        #expect(message(["--version"]) == Espalier.versionNumber)
        let error = #expect(throws: (any Error).self) {
            var help = try Espalier.parseAsRoot(["evaluate", "--help"])
            try help.run()
        }
        #expect(error.map { Espalier.exitCode(for: $0) } == .success)
    }
}
