import Foundation
import GPT2
import Testing

struct KernelLevelTests {
  @Test func theScalarLevelIsAlwaysThere() {
    #expect(KernelLevel.scalar.isAvailable)
  }

  @Test func withoutAWishTheBestLevelIsTaken() async throws {
    await #expect(processExitsWith: .success) {
      unsetenv("CK_LEVEL")
      let best = KernelLevel.allCases.last { $0.isAvailable }
      exit((try? KernelLevel.selected()) == best ? 0 : 1)
    }
  }

  @Test func theEnvironmentForcesALevel() async throws {
    await #expect(processExitsWith: .success) {
      setenv("CK_LEVEL", "scalar", 1)
      exit((try? KernelLevel.selected()) == .scalar ? 0 : 1)
    }
  }

  @Test func anUnknownLevelIsAnErrorThatNamesTheKnownOnes() async throws {
    await #expect(processExitsWith: .success) {
      setenv("CK_LEVEL", "sse9", 1)
      do {
        _ = try KernelLevel.selected()
        exit(1)
      } catch {
        exit(
          (error as? GPT2Error)?.message == "CK_LEVEL is sse9; allowed is scalar, avx2, avx512vnni or neon"
            ? 0 : 2)
      }
    }
  }

  @Test func aLevelThatTheMachineLacksIsAnErrorAndNoCrash() async throws {
    await #expect(processExitsWith: .success) {
      for level in KernelLevel.allCases where !level.isAvailable {
        setenv("CK_LEVEL", level.rawValue, 1)
        do {
          _ = try KernelLevel.selected()
          exit(1)
        } catch {
          if (error as? GPT2Error)?.message.contains("can't run") != true { exit(2) }
        }
      }
      exit(0)
    }
  }
}
