/* A training's state as a member of a folder. A private file for the machine that wrote it: values
 * stand in its own byte order, and a file of another order is refused. */
#ifndef MDLA_TRAIN_CHECKPOINT_FILE_H
#define MDLA_TRAIN_CHECKPOINT_FILE_H

#include "mdla/train.h"
#include "train/feed.h"
#include "train/trainer.h"

mdla_status checkpoint_save(const mdla_folder *folder, const trainer_params *params, trainer *t,
                            const feed *f, mdla_error *err);

/* Into a trainer and a feed just opened with the same parameters; reads the feed's rows again. */
mdla_status checkpoint_load(const mdla_folder *folder, const trainer_params *params, trainer *t,
                            feed *f, mdla_error *err);

#endif
