from oneclick.hindsight.proto import label
