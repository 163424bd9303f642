/* mdla: training a sparse autoencoder on activation rows. */
#ifndef MDLA_TRAIN_H
#define MDLA_TRAIN_H

#include "mdla/mdla.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mdla_train_arch {
    MDLA_TRAIN_BATCHTOPK = 0, /**< mean L0 = l0 over each batch; saved as jumprelu with the learned threshold */
    MDLA_TRAIN_TOPK = 1,      /**< exactly l0 features a row; saved as topk */
    MDLA_TRAIN_RELU = 2       /**< L1 penalty, steered towards mean L0 = l0; saved as standard */
} mdla_train_arch;

#ifdef __cplusplus
}
#endif
#endif
