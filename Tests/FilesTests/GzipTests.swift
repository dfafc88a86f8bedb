import Faults
import Foundation
import TestSupport
import Testing

@testable import Files

/// gzip is read as zlib writes it, and refused as anything else.
struct GzipTests {
    private struct Case: Decodable {
        var name: String
        var bytes: Int
        var sha256: String
        var packed: Data
    }

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// What Interop/make_gzip_fixtures.py made.
    private func cases() throws -> [Case] {
        let url = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/gzip.json")
        return try JSONDecoder().decode([Case].self, from: Data(contentsOf: url))
    }

    private func unpacked(_ bytes: [UInt8]) throws -> [UInt8] {
        let file = try InputFile.unpacked(try folder.write("a.gz", bytes))
        return try file.bytes(at: 0, count: file.size)
    }

    @Test func whatZlibPacksIsUnpacked() throws {
        let cases = try cases()
        #expect(cases.count >= 10)
        for one in cases {
            let bytes = try unpacked(Array(one.packed))
            #expect(bytes.count == one.bytes, "\(one.name)")
            #expect(try FileDigest(contentsOf: try folder.write("out", bytes)).sha256 == one.sha256, "\(one.name)")
        }
    }

    @Test func aFileIsReadAtAnyPlaceAndKeepsItsName() throws {
        let one = try #require(try cases().first)
        let path = try folder.write("a.jsonl.gz", Array(one.packed))
        let file = try InputFile.unpacked(path)
        #expect(file.path == path && file.size == one.bytes)
        #expect(try file.bytes(at: 5, count: 1) == Array("0".utf8))
        // Another name is read as it is.
        #expect(try InputFile.unpacked(try folder.write("b", Array(one.packed))).size == one.packed.count)
    }

    @Test func everyPlaceWhereAFileEndsEarlyIsToldAndNoDamageIsTakenForText() throws {
        for one in try cases() where one.packed.count < 400 && one.name != "zeros behind" {
            let packed = Array(one.packed)
            for count in 0..<packed.count {
                guard let found = faultOf({ try unpacked(Array(packed[..<count])) }) else {
                    // Between two members it is a whole file.
                    #expect(one.name == "members", "\(one.name), \(count)")
                    continue
                }
                #expect(found.kind == .badData)
            }
            for index in packed.indices {
                var damaged = packed
                damaged[index] ^= 1 << UInt8(index % 8)
                guard let bytes = try? unpacked(damaged) else { continue }
                // The header's time, system and names say nothing of the text.
                #expect(try FileDigest(contentsOf: try folder.write("out", bytes)).sha256 == one.sha256)
            }
        }
    }

    @Test func whatIsNoGzipSaysSo() throws {
        fault(.badData, "is not gzip, although its name says so") { try unpacked(Array("plain text".utf8)) }
        fault(.badData, "is not gzip") { try unpacked([]) }
        let one = try #require(try cases().first)
        fault(.badData, "something else follows") { try unpacked(Array(one.packed) + Array("and more text".utf8)) }
        // A block of a kind that is not.
        fault(.badData, "a block of an unknown kind") { try unpacked([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 7]) }
        fault(.missingInput) { try InputFile.unpacked(folder.path("nowhere.gz")) }
    }

    /// A block of a fixed code: a literal, then matches of 258 bytes at distance 1.
    private func repeated(_ matches: Int) -> [UInt8] {
        var bits: [UInt8] = [1, 1, 0]
        func word(_ value: Int, _ count: Int) {
            for bit in stride(from: count - 1, through: 0, by: -1) { bits.append(UInt8(value >> bit & 1)) }
        }
        word(0x30 + 97, 8)
        for _ in 0..<matches {
            // Length 258 is symbol 285, the word 11000101; distance 1 is symbol 0 in 5 bits.
            word(0b1100_0101, 8)
            word(0, 5)
        }
        word(0, 7)
        var packed: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
        for start in stride(from: 0, to: bits.count, by: 8) {
            packed.append(bits[start..<min(start + 8, bits.count)].enumerated().reduce(0) { $0 | $1.1 << UInt8($1.0) })
        }
        return packed
    }

    @Test func aBombIsRefusedBeforeItFillsTheDisk() throws {
        let packed = repeated(20_000)
        let file = try InputFile(try folder.write("bomb.gz", packed))
        func seen(_ growth: Int, _ always: Int) -> (fault: Fault?, bytes: Int) {
            var bytes = 0
            let found = faultOf {
                try GzipFile(file, mostGrowth: growth, always: always).unpack { (part) throws(Fault) in
                    bytes += part.count
                }
            }
            return (found, bytes)
        }
        // It unpacks to 158 times its size.
        let refused = seen(100, 1 << 20)
        #expect(refused.fault?.kind == .badData && refused.fault?.summary.contains("far more than its size") == true)
        #expect(refused.fault?.advice?.contains("gzip -dk ") == true)
        #expect(refused.bytes <= 100 * packed.count && refused.bytes > 100 * packed.count - (2 << 20))
        // What is allowed goes on to the check sum, which this one lacks.
        for allowed in [seen(170, 1 << 20), seen(1, 6 << 20)] {
            #expect(allowed.bytes == 20_000 * 258 + 1 && allowed.fault?.summary == "the compressed file ends early")
        }
        #expect(GzipFile.mostGrowth == 250 && GzipFile.always == 64 << 20)
    }

    private func faultOf<Value>(_ body: () throws -> Value) -> Fault? {
        do {
            _ = try body()
            return nil
        } catch { return error as? Fault }
    }
}
