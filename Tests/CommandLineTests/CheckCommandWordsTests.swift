import Testing

@testable import lastcall

struct CheckCommandWordsTests {
    private func words(_ line: String) -> CommandWords { CommandWords(words: ShellWords.split(line)) }

    @Test("B15 words are split as a shell splits them")
    func split() {
        #expect(
            ShellWords.split(#"a  "b c" 'd "e"' f\ g h"i"j "" "k\"l""#) == [
                "a", "b c", "d \"e\"", "f g", "hij", "", "k\"l",
            ])
        #expect(ShellWords.split("") == [])
        #expect(ShellWords.split("'open end") == ["open end"])
    }

    @Test(
        "B15 a shell that stays between the signal and the program is recognised",
        arguments: [
            ("sh -c './server --port 80'", #"["./server", "--port", "80"]"#),
            ("/bin/bash -ec 'run me'", #"["run", "me"]"#),
            ("bash -l -c server", #"["server"]"#),
            ("sh -c 'migrate && ./server'", #""migrate && exec ./server""#),
            ("sh -c 'PORT=$X ./server $Y'", #""PORT=$X exec ./server $Y""#),
            ("sh -c './server 2>&1 >/log'", #""exec ./server 2>&1 >/log""#),
            ("sh -c 'a; echo \"x; y\"'", #""a; exec echo "x; y"""#),
            ("sh -c './server | tee log'", "a program without a shell, or exec before the last command"),
            ("sh -c 'if a; then b; fi'", "a program without a shell, or exec before the last command"),
            ("sh -c '(a; b)'", "a program without a shell, or exec before the last command"),
        ]
    )
    func shells(_ line: String, _ advice: String) {
        #expect(words(line).adviceAgainstShell == advice)
    }

    @Test(
        "B15 what replaces the shell, or is none, is left alone",
        arguments: [
            "sh -c 'exec ./server'", "sh -c 'migrate; exec ./server -c x'", "./server -c x", "sh script.sh", "sh",
            "sh -c", "sh -c ''", "",
        ]
    )
    func notShells(_ line: String) {
        #expect(words(line).adviceAgainstShell == nil)
    }

    @Test(
        "B15 a sleep is understood, also through a shell",
        arguments: [
            ("sleep 5", 5.0), ("/bin/sleep 5", 5), ("sh -c 'sleep 5'", 5), ("sh -c 'exec sleep 1m'", 60),
            ("sleep 1 2", 3),
            ("/bin/sh -ec '  sleep 0.5 '", 0.5),
        ]
    )
    func sleeps(_ line: String, _ seconds: Double) {
        #expect(words(line).sleepLength == .milliseconds(Int(seconds * 1000)))
    }

    @Test(
        "B15 anything more than a sleep has a length that nobody knows",
        arguments: [
            "sh -c 'sleep 5; x'", "sh -c 'sleep 5 && x'", "sleep", "sleep infinity", "sleep $N", "sh -c 'sleep $N'",
            "nginx -s quit", "",
        ]
    )
    func notSleeps(_ line: String) {
        #expect(words(line).sleepLength == nil)
    }
}
