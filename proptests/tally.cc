#include "proptests/tally.h"

#include <ostream>

namespace lumen {

std::ostream& operator<<(std::ostream& out, const Tally& tally) {
  out << tally.all_commands() << " commands:";
  for (size_t i = 0; i < tally.commands.size(); ++i) {
    out << (i == 0 ? " " : ", ") << tally.commands[i] << " " << CommandKindName(i);
  }
  return out << "\nwrites: " << tally.applied << " applied, " << tally.unmet << " unmet, "
             << tally.existed_answers << " existed answers, " << tally.outsized_batches
             << " larger than a WAL segment"
             << "\nreads: " << tally.iterator_steps << " iterator steps, " << tally.cached_answers
             << " cached answers, " << tally.uncached_answers << " not cached"
             << "\nbackground: " << tally.flushes << " flushes, " << tally.compactions
             << " compactions, " << tally.trivial_moves << " trivial moves, " << tally.stalls
             << " stalls, " << tally.most_levels << " levels in use at once, "
             << tally.checkpoints_opened << " checkpoints opened"
             << "\nlives: " << tally.reopens << " reopens, " << tally.kills << " kills, "
             << tally.power_losses << " power losses, " << tally.inside_calls
             << " crashes inside calls, " << tally.inside_opens << " inside Open, "
             << tally.recovered_operations << " operations recovered, " << tally.torn_tails
             << " torn tails, " << tally.lost_suffixes << " suffixes lost, " << tally.lost_sequences
             << " times acknowledged sequences skipped";
}

}  // namespace lumen
