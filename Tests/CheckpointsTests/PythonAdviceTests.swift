import Foundation
import Testing

@testable import Checkpoints

/// A line that is copied into a shell must do what it says, whatever the folder is called.
struct PythonAdviceTests {
    /// The words of a line as a shell hands them to a program.
    private func words(_ line: String) throws -> [String] {
        let (process, pipe) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "python3() { printf '%s\\0' \"$@\"; }; " + line]
        process.standardOutput = pipe
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test(arguments: [
        "model", "my model", "x'); import os; os.system('true') #", "$(touch gone)`touch gone`", "a\nb\u{1B}[31m",
        "\"\\",
    ])
    func theFolderIsOneArgumentAndNoPartOfTheProgram(_ folder: String) throws {
        let line = PythonAdvice.line(
            "AutoPeftModelForCausalLM", of: "peft", folder: folder, then: ".merge_and_unload()", saves: "merged")
        let words = try words(line)
        #expect(words.count == 3 && words[0] == "-c" && words[2] == folder)
        #expect(
            words[1] == "import sys; from peft import AutoPeftModelForCausalLM as M; "
                + "M.from_pretrained(sys.argv[1]).merge_and_unload().save_pretrained(\"merged\")")
        #expect(!line.unicodeScalars.contains { $0.value < 0x20 })
    }
}
