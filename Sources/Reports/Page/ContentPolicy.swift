import Crypto
import Foundation

/// What a browser may load and run for the page: its one stylesheet and its one script, known by their digests, and
/// nothing else. Markup that got into the page in spite of all would neither run nor be fetched for.
enum ContentPolicy {
    static func text(style: String, script: String) -> String {
        func source(_ text: String) -> String {
            "'sha256-\(Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString())'"
        }
        return "default-src 'none'; style-src \(source(style)); script-src \(source(script)); img-src data:; "
            + "base-uri 'none'; form-action 'none'"
    }
}
