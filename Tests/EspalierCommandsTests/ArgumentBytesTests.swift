import Faults
import Testing

@testable import EspalierCommands
@testable import EspalierKit

struct ArgumentBytesTests {
    private func fault(_ bytes: [UInt8]) -> Fault? {
        var found: Fault?
        (bytes + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                guard let base = text.baseAddress else { return }
                do throws(Fault) { try ArgumentBytes.check(base, at: 3) } catch { found = error }
            }
        }
        return found
    }

    @Test(arguments: [[], [0x6F], Array("größe 漢字 e\u{301}".utf8), [0xF4, 0x8F, 0xBF, 0xBF]] as [[UInt8]])
    func whatIsUTF8IsTaken(_ bytes: [UInt8]) { #expect(fault(bytes) == nil) }

    /// A byte of no text, a letter that is cut off, a long form of a short letter, half of a pair.
    @Test(arguments: [[0x6F, 0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80]] as [[UInt8]])
    func whatIsNoneIsAUsageErrorThatSaysWhere(_ bytes: [UInt8]) {
        let fault = fault(bytes)
        #expect(fault?.kind == .usage && fault?.place == "argument 3")
        #expect(fault?.found?.contains("\u{FFFD}") == true)
    }
}
