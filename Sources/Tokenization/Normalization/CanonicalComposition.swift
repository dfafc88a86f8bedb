import Foundation

/// Valid UTF-8 in Normalization Form C.
///
/// Every scalar below U+0300 is a starter that composes with nothing before it, so runs of them are passed through
/// and only the stretches around higher scalars are normalised.
func canonicallyComposed(_ text: [UInt8]) -> [UInt8] {
    // 0xCC is the first byte of U+0300.
    guard let first = text.firstIndex(where: { $0 >= 0xCC }) else { return text }
    var start = first
    if start > 0 { start = text.withUnsafeBufferPointer { $0.start(ofScalarBefore: first) } }
    let tail = String(decoding: text[start...], as: UTF8.self).precomposedStringWithCanonicalMapping
    return Array(text[..<start]) + Array(tail.utf8)
}
