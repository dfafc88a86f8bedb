import Faults
import Files

/// What to do with files that are not read, told by their names as by their contents.
enum FileKindAdvice {
    static let decompress = "decompress it first"
    static let nameGzip = "rename it to end in .gz; it is then unpacked while it is read"
    static let extract = "store its text as a file of its own"
    static let tokens = "store the tokens as .safetensors"
    static let other = "pass a text file"
    static let toLines = "convert it to .jsonl, one object with a \"text\" field per line"

    /// Tables that a line of Python turns into records, by the endings of their names.
    enum Table: String {
        case parquet, feather, arrow, orc, csv, tsv, xlsx, xls, ods

        /// Of pandas, with the file as an argument of the program: its name may hold anything.
        fileprivate var reading: String {
            switch self {
            case .parquet: "read_parquet(sys.argv[1])"
            case .feather, .arrow: "read_feather(sys.argv[1])"
            case .orc: "read_orc(sys.argv[1])"
            case .csv: "read_csv(sys.argv[1])"
            case .tsv: "read_csv(sys.argv[1], sep=\"\\t\")"
            case .xlsx, .xls, .ods: "read_excel(sys.argv[1])"
            }
        }
    }

    /// The command that converts a table; advice without one where there is none.
    static func convert(_ path: String, _ table: Table?) -> String {
        guard let table else { return toLines }
        let name =
            FileSystem.hasEnding(path, ".\(table.rawValue)") ? String(path.dropLast(table.rawValue.count + 1)) : path
        return "python3 -c 'import sys, pandas; "
            + "pandas.\(table.reading).to_json(sys.argv[2], orient=\"records\", lines=True)' "
            + "\(ShellWord.quoted(path)) \(ShellWord.quoted(name + ".jsonl"))"
    }
}
