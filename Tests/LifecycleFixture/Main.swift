import LastCall

/// A real program over the library, driven by real signals from the tests.
@main
struct LifecycleFixture {
    static func main() async {}
}
