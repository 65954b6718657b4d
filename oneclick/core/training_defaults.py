"""Defaults of a training, one source for the settings, `TrainingConfig` and the gate."""

ARCHITECTURE = "fcos-tiny"
BATCH = 8
"""Images a step, over all processes together, of networks that go back to published weights."""
SMALL_BATCH = 4
"""Images a step of `fcos-tiny`: from random weights steps count for more than images, and twice the
steps with half the images each take the same time."""
AT_ONCE = 8
"""Most images in one forward pass of a process."""
STRIDE = 2
"""Train on every n-th frame of a clip."""
TURNED = 0.1
"""Share of the augmented images that are turned by 90°."""
LAID = 0.1
"""Share of the augmented images in which a person who stands is copied, lying."""
MARGIN = 0.0
"""mAP by which a candidate must beat the champion."""
MAX_BROKEN = 0.01
"""Largest share of the pictures of a dataset that may be broken, and is left out."""
MIN_TEST_IMAGES = 20
"""Fewer test images are not enough evidence to promote."""
SHADOW_HOURS = 24.0
"""Hours of video that a candidate looks at beside the champion before it is judged in shadow."""
SHADOW_MARGIN = 0.1
"""Share of the champion's rates by which a candidate may be worse in shadow."""
