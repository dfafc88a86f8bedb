/// A piece of text on its way through the pre-tokenizers.
struct Piece {
    let text: UTF8Text
    /// How many bytes at the front were put there and do not come from the text as given; -1 if the piece lies after
    /// the start of that text. Only `Metaspace` with the scheme `first` asks.
    let lead: Int

    /// Whether the piece starts where the text as given starts.
    var isStart: Bool { lead >= 0 }

    @inline(__always)
    func part(_ range: Range<Int>) -> Piece {
        Piece(text: text.part(range), lead: lead >= range.lowerBound ? lead - range.lowerBound : -1)
    }
}
