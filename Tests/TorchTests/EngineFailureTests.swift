import CTorch
import Faults
import Foundation
import Testing

@testable import Torch

/// What the world does to an operation is told with advice and an exit code; a wrong number never stands for it.
struct EngineFailureTests {
    /// Messages as libtorch and the libraries under it give them.
    @Test(arguments: [
        ("CUDA error: an illegal memory access was encountered", Int32(69)),
        ("CUDA error: device-side assert triggered", 69),
        ("CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(...)`", 69),
        ("cusolver error: CUSOLVER_STATUS_INTERNAL_ERROR, when calling `cusolverDnXpotrf(...)`", 69),
        ("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", 69),
        ("CUDA out of memory. Tried to allocate 20.00 GiB", 75),
        ("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", 75),
        (
            "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes",
            75
        ),
    ])
    func theWorldsFailuresHaveAnExitCode(_ message: String, _ code: Int32) {
        let kind = esp_kind_of_message(message)
        let fault = Engine.fault(kind, message)
        #expect(fault?.exitCode == code)
        #expect(fault?.found == message)
        #expect(fault?.advice?.contains("resume") == true)
    }

    @Test func ourOwnMistakesAreNotTheWorlds() {
        let message = "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0"
        #expect(Engine.fault(esp_kind_of_message(message), message) == nil)
    }

    @Test func onlyATensorOfOneElementIsAScalar() async {
        #expect(Tensor([Float(2.5)]).scalar == 2.5)
        await #expect(processExitsWith: .failure) { print(Tensor([Float(1), 2]).scalar) }
    }

    #if os(Linux)
        /// Lets this process have so many bytes more of address space.
        private static func limit(_ more: Int) {
            let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ").first
            let used = (pages.flatMap { Int($0) } ?? 0) * sysconf(Int32(_SC_PAGESIZE))
            var limit = rlimit(rlim_cur: rlim_t(used + more), rlim_max: rlim_t(used + more))
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        }

        @Test func anArrayThatMemoryDoesNotHoldEndsTheProcessResumably() async {
            await #expect(processExitsWith: .exitCode(75)) {
                // Never written to, so that it takes address space only.
                let tensor = Tensor.empty([100 << 20])
                EngineFailureTests.limit(100 << 20)
                print(tensor.floats().count)
            }
        }

        @Test func threadsThatTheSystemDoesNotAllowAreToldBeforeTheWork() async throws {
            try Engine.checkThreads(2)
            await #expect(processExitsWith: .exitCode(75)) {
                // A thread's stack alone takes megabytes of address space.
                EngineFailureTests.limit(64 << 20)
                do throws(Fault) { try Engine.checkThreads(64) } catch {
                    exit(error.place == "--threads" ? error.exitCode : 1)
                }
            }
        }
    #endif

    @Test func moreMemoryThanThereIsEndsTheProcessResumably() async {
        await #expect(processExitsWith: .exitCode(75)) { _ = Tensor.empty([1 << 50]) }
    }
}
