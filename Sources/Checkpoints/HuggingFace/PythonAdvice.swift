import Faults

/// Lines for a shell that load a model with other software and save it.
enum PythonAdvice {
    /// The folder is an argument of the program and no part of it: its name may hold anything.
    static func line(
        _ type: String, of package: String, folder: String, then step: String = "", saves output: String
    ) -> String {
        "python3 -c 'import sys; from \(package) import \(type) as M; "
            + "M.from_pretrained(sys.argv[1])\(step).save_pretrained(\"\(output)\")' \(ShellWord.quoted(folder))"
    }
}
